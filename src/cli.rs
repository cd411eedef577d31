//! The command line: `alluvium [dev|gateway|compactor|doctor|bench]`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{bench::BenchOptions, config::Options};

/// Kafka-compatible streaming that keeps every byte in object storage.
///
/// Without a command it runs `dev`: gateway, compactor, metastore and objects in one process.
///
/// Options come from flags, then ALLUVIUM_* environment variables, then a TOML file (./alluvium.toml, or --config FILE)
/// whose keys are the names of the flags without dashes before them.
#[derive(Debug, Parser)]
#[command(name = "alluvium", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to run; `dev` where nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub run: RunOptions,
}

/// The roles and tools.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve Kafka and HTTP, and compact, in one process (the default)
    Dev(Box<RunOptions>),
    /// Serve Kafka and HTTP as one of many agents, over FoundationDB
    Gateway(Box<RunOptions>),
    /// Turn records into history (Parquet), apply retention and collect garbage, beside other processes or once
    #[command(visible_alias = "compact")]
    Compactor(Box<CompactorOptions>),
    /// Check configuration, listeners, object store, metastore and machine; say what is wrong and what to do about it
    ///
    /// Exits with 0 where nothing failed (warnings are none), with 1 where something did.
    Doctor(Box<DoctorOptions>),
    /// Drive a load against any Kafka address, check what comes back, and report
    Bench(Box<BenchOptions>),
}

/// What every role takes.
#[derive(Args, Clone, Debug, Default)]
pub struct RunOptions {
    /// TOML file with options [default: ./alluvium.toml, where it exists]
    #[arg(long, env = "ALLUVIUM_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub options: Options,
}

/// What `alluvium compactor` takes.
#[derive(Args, Clone, Debug)]
pub struct CompactorOptions {
    /// Work until nothing is left to do, then return
    #[arg(long)]
    pub once: bool,
    /// Only say which orphans would be deleted
    #[arg(long, requires = "once")]
    pub dry_run: bool,
    #[command(flatten)]
    pub run: RunOptions,
}

/// What `alluvium doctor` takes.
#[derive(Args, Clone, Debug)]
pub struct DoctorOptions {
    /// Print one JSON document instead of lines
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub run: RunOptions,
}
