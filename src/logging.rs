//! Where log lines go: standard error, as text or as JSON.

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

/// Logs what `filter` lets through.
///
/// # Errors
/// Where the filter is not one.
pub fn start(filter: &str, json: bool) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("--log {filter}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        lines.json().init()
    } else {
        lines.with_target(false).init()
    }
    Ok(())
}
