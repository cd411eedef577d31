//! The `alluvium` binary: reads the configuration, puts the parts together, runs one role.

mod bench;
mod cli;
mod config;
mod machine;

fn main() -> anyhow::Result<()> {
    use clap::Parser;
    let cli = cli::Cli::parse();
    let run = cli.run;
    config::load(&run.options, run.config.as_deref())?;
    Ok(())
}
