//! The `alluvium` binary: reads the configuration, assembles the parts, runs one role or tool.
//!
//! Its modules, each of which uses only those before it: `output`, `machine`, `signals`, `logging`, `config`, `roles`,
//! `segment_witness`, `stores`, `node`, `agent`, `compactor`, `threads`, `banner`, `bench`, `doctor`, `serve`,
//! `compact_once`, `cli`.

mod agent;
mod banner;
mod bench;
mod cli;
mod compact_once;
mod compactor;
mod config;
mod doctor;
mod logging;
mod machine;
mod metrics;
mod node;
mod output;
mod roles;
mod segment_witness;
mod serve;
mod signals;
mod stores;
mod threads;

use std::{future::Future, process::ExitCode, time::Duration};

use alluvium_metastore::kv::fdb;
use anyhow::{Context, Result};
use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command, DoctorOptions, RunOptions};
use crate::config::Settings;
use crate::logging::LeftOutLines;
use crate::roles::Role;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Time for the last blocking tasks once a role has returned.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => run(Role::Dev, &cli.run),
        Some(Command::Dev(options)) => run(Role::Dev, &options),
        Some(Command::Gateway(options)) => run(Role::Gateway, &options),
        Some(Command::Compactor(options)) if options.once => {
            with_settings(&options.run, |settings| compact_once::compact_once(settings, options.dry_run))
        }
        Some(Command::Compactor(options)) => run(Role::Compactor, &options.run),
        Some(Command::Doctor(options)) => run_doctor(&options),
        Some(Command::Bench(options)) => {
            logging::start("warn", false).and_then(|left_out| on_runtime(left_out, bench::bench(*options)))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::print_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(role: Role, options: &RunOptions) -> Result<()> {
    with_settings(options, |settings| serve::serve(role, settings))
}

fn with_settings<F: Future<Output = Result<()>>>(run: &RunOptions, role: impl FnOnce(Settings) -> F) -> Result<()> {
    let settings = config::load(&run.options, run.config.as_deref(), &Cli::command())?;
    let left_out = logging::start(&settings.log, settings.log_json)?;
    on_runtime(left_out, role(settings))
}

/// An invalid configuration is a finding of the doctor, not an error.
fn run_doctor(options: &DoctorOptions) -> Result<()> {
    let settings = config::load(&options.run.options, options.run.config.as_deref(), &Cli::command());
    let left_out = match &settings {
        Ok(settings) => logging::start(&settings.log, settings.log_json)?,
        Err(_) => logging::start("warn", false)?,
    };
    on_runtime(left_out, doctor::doctor(settings, options.json))
}

fn on_runtime(left_out: LeftOutLines, role: impl Future<Output = Result<()>>) -> Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().max_blocking_threads(threads::BLOCKING_THREADS_MAX);
    let runtime = builder.build().context("starting the runtime")?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = role => outcome,
            never = left_out.report() => never,
        }
    });
    // A write to a disk that does not answer is not waited for: its caller got an error, or does not need it.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    // Its network thread must end before the process is torn down.
    fdb::stop();
    outcome
}
