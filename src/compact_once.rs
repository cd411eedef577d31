//! `alluvium compactor --once`: does everything that can be compacted, retained and collected now, then returns.

use std::sync::Arc;

use alluvium_compactor::{CompactorConfig, Report};
use alluvium_runtime::SystemRng;
use anyhow::{Result, anyhow, ensure};
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use tokio_util::sync::CancellationToken;

use crate::{
    compactor::compactor,
    config::Settings,
    node::{Addresses, register},
    output::print,
    roles::Role,
    signals::StopSignals,
    stores::Stores,
};

/// Runs the compactor until nothing is left to do, and prints what it did. With `dry_run`, orphans are only listed.
///
/// # Errors
/// If a store cannot be opened, or a part of the work failed.
pub async fn compact_once(settings: Settings, dry_run: bool) -> Result<()> {
    let mut signals = StopSignals::listen()?;
    let rng = Arc::new(SystemRng);
    let stores = signals.unless_stopped(Stores::open(&settings, rng.clone())).await?;
    let registering = register(Role::Compactor, &settings, Addresses::default(), &stores, rng.clone());
    let session = signals.unless_stopped(registering).await?;
    let stop_heartbeats = CancellationToken::new();
    let heartbeats = tokio::spawn(session.clone().run(stop_heartbeats.clone()));
    let config = CompactorConfig { sweep_dry_run: dry_run, ..settings.compactor.clone() };
    let compactor = compactor(&stores, config, session.clone(), rng);
    let outcome = tokio::select! {
        biased;
        signal = signals.next() => Err(anyhow!("{signal}: stopped before everything was done; run it again to go on")),
        report = compactor.run_once() => finish(&report),
    };
    session.leave().await;
    stop_heartbeats.cancel();
    // A panic of the heartbeats makes no difference any more.
    let _ = heartbeats.await;
    stores.close().await;
    outcome
}

fn finish(report: &Report) -> Result<()> {
    print(&table(report).to_string())?;
    for failure in &report.failures {
        tracing::error!("{failure}");
    }
    ensure!(
        report.failures.is_empty(),
        "{} parts of the work failed (see the log); the others are done",
        report.failures.len()
    );
    Ok(())
}

fn table(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["done", "amount"]);
    for (name, amount) in [
        ("history files written", report.files_written),
        ("records in them", report.records_written),
        ("extents replaced", report.extents_replaced),
        ("bytes before", report.bytes_in),
        ("bytes after", report.bytes_out),
        ("partitions trimmed by retention", report.trims),
        ("deleted topics purged", report.topics_purged),
        ("retired objects deleted", report.objects_deleted),
        ("orphans found", report.orphans_found),
        ("orphans deleted", report.orphans_deleted),
    ] {
        table.add_row([name, &amount.to_string()]);
    }
    table
}
