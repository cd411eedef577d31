//! Runs all families of checks, one after another.

use std::sync::Arc;

use alluvium_runtime::{Clock, SystemClock, SystemRng};
use anyhow::{Result, ensure};

use super::{
    bucket, bucket_settings, disk,
    finding::{Finding, Outcome},
    findings::Findings,
    format::{json, summary},
    listeners, metastore, process,
};
use crate::{
    config::{Settings, SettingsError},
    output::print,
};

/// Runs all checks and prints their findings (with `as_json` as one document). Settings that could not be read are a
/// finding too.
///
/// # Errors
/// If a check failed, or the findings cannot be printed.
pub async fn doctor(settings: Result<Settings, SettingsError>, as_json: bool) -> Result<()> {
    let mut findings = Findings::new(as_json);
    match settings {
        Ok(settings) => check_all(&settings, &mut findings).await?,
        Err(error) => findings.add(Finding::failure(
            "configuration",
            error.to_string(),
            "No role starts, and nothing else could be checked.",
            "Correct the option, variable or file that it names; `alluvium --help` lists all.",
        ))?,
    }
    let findings = findings.into_list();
    print(&if as_json { json(&findings, SystemClock.now()) } else { format!("\n{}", summary(&findings)) })?;
    let failures = findings.iter().filter(|finding| finding.outcome == Outcome::Failure).count();
    ensure!(failures == 0, "{failures} checks failed");
    Ok(())
}

async fn check_all(settings: &Settings, findings: &mut Findings) -> Result<()> {
    let rng = Arc::new(SystemRng);
    findings.add(Finding::ok("configuration", "read and consistent"))?;
    process::check(settings, findings)?;
    disk::check(settings, findings)?;
    listeners::check(settings, findings).await?;
    bucket::check(settings, &*rng, findings).await?;
    bucket_settings::check(settings, findings).await?;
    metastore::check(settings, rng, findings).await
}
