//! The `alluvium` binary: reads the configuration, puts the parts together, runs one role.

mod agent;
mod background;
mod banner;
mod bench;
mod cli;
mod compact;
mod compactor;
mod config;
mod doctor;
mod logging;
mod machine;
mod metrics;
mod node;
mod output;
mod roles;
mod serve;
mod signals;
mod stores;

use std::{future::Future, process::ExitCode, time::Duration};

use alluvium_metastore::kv::fdb;
use anyhow::{Context, Result};
use clap::Parser;

use crate::cli::{Cli, Command, DoctorOptions, RunOptions};
use crate::config::Settings;
use crate::roles::Role;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// For the last tasks of a role that has ended.
const END_PATIENCE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => run(Role::Dev, &cli.run),
        Some(Command::Dev(options)) => run(Role::Dev, &options),
        Some(Command::Gateway(options)) => run(Role::Gateway, &options),
        Some(Command::Compactor(options)) if options.once => {
            with_settings(&options.run, |settings| compact::compact_once(settings, options.dry_run))
        }
        Some(Command::Compactor(options)) => run(Role::Compactor, &options.run),
        Some(Command::Doctor(options)) => examine(&options),
        Some(Command::Bench(options)) => {
            logging::start("warn", false).and_then(|()| on_runtime(bench::bench(*options)))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(role: Role, options: &RunOptions) -> Result<()> {
    with_settings(options, |settings| serve::serve(role, settings))
}

fn with_settings<F: Future<Output = Result<()>>>(run: &RunOptions, role: impl FnOnce(Settings) -> F) -> Result<()> {
    let settings = config::load(&run.options, run.config.as_deref())?;
    logging::start(&settings.log, settings.log_json)?;
    on_runtime(role(settings))
}

/// The doctor reports an invalid configuration like any other finding.
fn examine(options: &DoctorOptions) -> Result<()> {
    let settings = config::load(&options.run.options, options.run.config.as_deref());
    match &settings {
        Ok(settings) => logging::start(&settings.log, settings.log_json)?,
        Err(_) => logging::start("warn", false)?,
    }
    on_runtime(doctor::doctor(settings, options.json))
}

fn on_runtime(role: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    let outcome = runtime.block_on(role);
    // What is still writing to a disk that does not answer is not waited for: it was told so, or is not needed.
    runtime.shutdown_timeout(END_PATIENCE);
    // Its thread must not see the process being taken down.
    fdb::stop();
    outcome
}
