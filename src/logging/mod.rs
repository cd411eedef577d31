//! Logging to standard error, as text or as JSON.
//!
//! Lines at level info and above are limited by kind and second, since peers can cause as many as they like; what is
//! left out is counted, and the counts are logged. Lines for debugging are not limited.

mod limited_lines;
mod line_limit;

use std::io::IsTerminal;

use alluvium_s3::CHAIN_LOG_TARGETS;
use anyhow::{Context, Result};
use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets};
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::limited_lines::LeftOutLines;
use self::limited_lines::LimitedLines;

/// Starts logging the events that pass `filter` (in the syntax of `tracing_subscriber::filter::Targets`). What is
/// returned logs how many lines were left out.
///
/// # Errors
/// If `filter` is not valid.
pub fn start(filter: &str, json: bool) -> Result<LeftOutLines> {
    let filter = parse(filter)?;
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let lines = if json { lines.json().boxed() } else { lines.with_target(false).boxed() };
    let (limited, left_out) = LimitedLines::new(tokio::time::Instant::now);
    tracing_subscriber::registry().with(lines.with_filter(filter.and(limited))).init();
    Ok(left_out)
}

/// The filter. If a provider of the AWS chain fails, the chain warns with all of its state; we say why ourselves, in a line
/// (`crates/s3/src/credentials.rs`).
fn parse(filter: &str) -> Result<Targets> {
    let filter: Targets = filter.parse().with_context(|| format!("--log {filter}"))?;
    let names_aws = filter.iter().any(|(target, _)| target.starts_with("aws"));
    let is_debugging = filter.default_level().is_some_and(|level| level > LevelFilter::INFO);
    Ok(if names_aws || is_debugging {
        filter
    } else {
        filter.with_targets(CHAIN_LOG_TARGETS.map(|target| (target, LevelFilter::ERROR)))
    })
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn the_aws_chain_warns_only_if_it_is_asked_to() {
        let warns =
            |filter: &str| parse(filter).unwrap().would_enable("aws_config::meta::credentials::chain", &Level::WARN);
        let filters = ["info", "warn", "debug", "info,aws=warn", "info,alluvium=debug"];
        assert_eq!(filters.map(warns), [false, false, true, true, false]);
        assert!(parse("info").unwrap().would_enable("aws_config::imds::region", &Level::WARN));
        assert!(parse("info").unwrap().would_enable("alluvium", &Level::INFO));
    }
}
