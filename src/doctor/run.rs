//! The examination: all families, one after another.

use std::sync::Arc;

use alluvium_runtime::{Clock, SystemClock, SystemRng};
use anyhow::{Result, ensure};

use super::{
    bucket, disk,
    finding::{Finding, Outcome},
    listeners, metastore, process,
    show::{json, summary, text},
    upkeep,
};
use crate::{
    config::{ConfigError, Settings},
    output::print,
};

/// Where findings go: shown as they come, or kept for the one document.
pub struct Findings {
    found: Vec<Finding>,
    is_silent: bool,
}

impl Findings {
    /// Takes one finding.
    ///
    /// # Errors
    /// Where it cannot be shown.
    pub fn add(&mut self, finding: Finding) -> Result<()> {
        if !self.is_silent {
            print(&text(&finding))?;
        }
        self.found.push(finding);
        Ok(())
    }
}

/// Checks everything, shows what it found (`as_json`: as one document), and fails where a check failed.
///
/// # Errors
/// Where any check failed, or nothing can be shown.
pub async fn doctor(settings: Result<Settings, ConfigError>, as_json: bool) -> Result<()> {
    let mut findings = Findings { found: Vec::new(), is_silent: as_json };
    match settings {
        Ok(settings) => examine(&settings, &mut findings).await?,
        Err(error) => findings.add(Finding::failure(
            "configuration",
            error.to_string(),
            "No role starts, and nothing else could be checked.",
            "Correct the option, variable or file that it names; `alluvium --help` lists all.",
        ))?,
    }
    let Findings { found, .. } = findings;
    print(&if as_json { json(&found, SystemClock.now()) } else { format!("\n{}", summary(&found)) })?;
    let failures = found.iter().filter(|finding| finding.outcome == Outcome::Failure).count();
    ensure!(failures == 0, "{failures} checks failed");
    Ok(())
}

async fn examine(settings: &Settings, findings: &mut Findings) -> Result<()> {
    let rng = Arc::new(SystemRng);
    findings.add(Finding::ok("configuration", "read and consistent"))?;
    process::check(settings, findings)?;
    disk::check(settings, findings)?;
    listeners::check(settings, findings).await?;
    bucket::check(settings, &*rng, findings).await?;
    upkeep::check(settings, findings).await?;
    metastore::check(settings, rng, findings).await
}
