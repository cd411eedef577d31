//! The `alluvium` binary: reads the configuration, puts the parts together, runs one role.

mod bench;
mod cli;
mod config;
mod machine;
mod output;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    use clap::Parser;
    let cli = cli::Cli::parse();
    match cli.command {
        Some(cli::Command::Bench(options)) => bench::bench(*options).await?,
        _ => {
            let run = cli.run;
            config::load(&run.options, run.config.as_deref())?;
        }
    }
    Ok(())
}
