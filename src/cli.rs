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
    /// What to run; `dev` by default
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of `dev`, if no command is given.
    #[command(flatten)]
    pub run: RunOptions,
}

/// The roles and tools that the binary can run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve Kafka and HTTP, and compact, in one process (the default)
    Dev(Box<RunOptions>),
    /// Serve Kafka and HTTP as one of many agents, over FoundationDB
    Gateway(Box<RunOptions>),
    /// Rewrite records into history (Parquet), apply retention and collect garbage, beside other processes or once
    #[command(visible_alias = "compact")]
    Compactor(Box<CompactorOptions>),
    /// Check configuration, listeners, object store, metastore and machine; say what is wrong and what to do about it
    ///
    /// Exits with 0 if no check failed (warnings are no failures), with 1 if one did.
    Doctor(Box<DoctorOptions>),
    /// Drive a load against any Kafka address, check what comes back, and report
    Bench(Box<BenchOptions>),
}

/// The options that every role has.
#[derive(Args, Clone, Debug, Default)]
pub struct RunOptions {
    /// TOML file with options [default: ./alluvium.toml, if it exists]
    #[arg(long, env = "ALLUVIUM_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The options that a file and the environment can set too.
    #[command(flatten)]
    pub options: Options,
}

/// The options of `alluvium compactor`.
#[derive(Args, Clone, Debug)]
pub struct CompactorOptions {
    /// Work until nothing is left to do, then exit
    #[arg(long)]
    pub once: bool,
    /// Only report which orphans would be deleted
    #[arg(long, requires = "once")]
    pub dry_run: bool,
    /// The options that every role has.
    #[command(flatten)]
    pub run: RunOptions,
}

/// The options of `alluvium doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorOptions {
    /// Print one JSON document instead of lines
    #[arg(long)]
    pub json: bool,
    /// The options that every role has.
    #[command(flatten)]
    pub run: RunOptions,
}
