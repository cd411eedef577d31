//! Logging to standard error, as text or as JSON.
//!
//! Lines at level info and above are limited by kind and second, since peers can cause as many as they like; what is
//! left out is counted, and the counts are logged. Lines for debugging are not limited.

mod limited_lines;
mod line_limit;

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::filter::{FilterExt, Targets};
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::limited_lines::LeftOutLines;
use self::limited_lines::LimitedLines;

/// Starts logging the events that pass `filter` (in the syntax of `tracing_subscriber::filter::Targets`). What is
/// returned logs how many lines were left out.
///
/// # Errors
/// If `filter` is not valid.
pub fn start(filter: &str, json: bool) -> Result<LeftOutLines> {
    let filter: Targets = filter.parse().with_context(|| format!("--log {filter}"))?;
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let lines = if json { lines.json().boxed() } else { lines.with_target(false).boxed() };
    let (limited, left_out) = LimitedLines::new(tokio::time::Instant::now);
    tracing_subscriber::registry().with(lines.with_filter(filter.and(limited))).init();
    Ok(left_out)
}
