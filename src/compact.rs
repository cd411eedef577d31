//! `alluvium compact`: the compactor alone, once or until stopped.

use std::sync::Arc;

use alluvium_compactor::{CompactorConfig, Report};
use alluvium_metastore::{
    ambient::{SystemClock, SystemEntropy},
    nodes::{NewNode, Session, SessionConfig},
};
use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::CompactOptions,
    compactor::{compactor, compactor_config},
    config::Settings,
    output::print,
    signals::StopSignals,
    stores::Stores,
};

/// Does all there is to do now (`--once`), or goes on until stopped.
///
/// # Errors
/// Where a store cannot be opened, or some part of the work failed.
pub async fn compact(settings: Settings, options: &CompactOptions) -> Result<()> {
    let mut signals = StopSignals::listen()?;
    let entropy = Arc::new(SystemEntropy);
    let stores = signals.unless_stopped(Stores::open(&settings, entropy.clone())).await?;
    let config = CompactorConfig { sweep_dry_run: options.dry_run, ..compactor_config(&settings) };
    let new = NewNode { compacts: true, version: env!("CARGO_PKG_VERSION").to_owned(), ..NewNode::default() };
    let nodes = stores.metastore.nodes.clone();
    let session = Session::open(nodes, new, SessionConfig::alone(), Arc::new(SystemClock), entropy.clone());
    let session = session.await.context("registering")?;
    let compactor = compactor(&stores, config, session.clone(), entropy);
    let outcome = if options.once {
        tokio::select! {
            report = compactor.run_once() => finish(&report),
            signal = signals.next() => Err(anyhow::anyhow!("{signal}: stopped before all was done; nothing is lost")),
        }
    } else {
        let cancel = CancellationToken::new();
        let running = compactor.run(cancel.clone());
        tokio::pin!(running);
        tokio::select! {
            () = &mut running => {}
            _ = signals.next() => {
                cancel.cancel();
                running.await;
            }
        }
        Ok(())
    };
    session.leave().await;
    stores.close().await;
    outcome
}

fn finish(report: &Report) -> Result<()> {
    print(&table(report).to_string())?;
    for failure in &report.failures {
        tracing::error!("{failure}");
    }
    ensure!(report.failures.is_empty(), "{} parts of the work failed; what succeeded is kept", report.failures.len());
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
