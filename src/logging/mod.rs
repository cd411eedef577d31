//! Logging to standard error, as text or as JSON.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

/// Starts logging the events that pass `filter` (in the syntax of `tracing_subscriber::EnvFilter`).
///
/// # Errors
/// If `filter` is not valid.
pub fn start(filter: &str, json: bool) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("--log {filter}"))?;
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    if json {
        lines.json().init()
    } else {
        lines.with_target(false).init()
    }
    Ok(())
}
