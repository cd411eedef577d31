//! The metastore: whether it can be opened, which cluster it is, and how long reads and commits take.

use std::{sync::Arc, time::Duration};

use alluvium_metastore::{
    Metastore,
    nodes::{HeartbeatError, Incarnation, NewNode, NodeState},
};
use alluvium_runtime::{Clock, Rng, SystemClock, SystemRng};
use anyhow::{Result, anyhow};
use tokio::time::{Instant, timeout};

use super::{finding::Finding, findings::Findings, latency::Latency, nodes, transactions};
use crate::{config::Settings, stores::open_metastore};

const OPEN: &str = "metastore.open";
const READ: &str = "metastore.read";
const COMMIT: &str = "metastore.commit";
/// Number of probes of each kind.
const PROBES: usize = 20;
/// Time for the store to be found and opened; FoundationDB itself would wait for ever.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// The usual median of a commit. Every acknowledgement waits for one: if it is longer, producers notice.
const COMMIT_P50_USUAL: Duration = Duration::from_millis(100);
/// The usual median of a read, for which a cold fetch waits first.
const READ_P50_USUAL: Duration = Duration::from_millis(50);

/// Checks the metastore and, if several processes can share it, the registered nodes and the open
/// transactions.
///
/// # Errors
/// If a finding cannot be printed.
pub async fn check(settings: &Settings, rng: Arc<SystemRng>, findings: &mut Findings) -> Result<()> {
    let opening = timeout(OPEN_TIMEOUT, open_metastore(settings, rng.clone())).await;
    let opened = opening.unwrap_or_else(|_| Err(anyhow!("{}: no answer within 10 s", settings.metastore)));
    let (metastore, engine) = match opened {
        Ok(opened) => opened,
        Err(error) => return findings.add(not_opened(settings, &error)),
    };
    let cluster = &metastore.cluster;
    let found = format!("{}: cluster {}, format version {}", settings.metastore, cluster.id, cluster.format);
    let found = Finding::ok(OPEN, found).with("cluster", cluster.id.clone()).with("format", cluster.format);
    findings.add(found)?;
    findings.add(read(&metastore).await)?;
    findings.add(commit(&metastore, &*rng).await)?;
    if !settings.metastore.is_embedded() {
        nodes::check(&metastore.nodes, &SystemClock, findings).await?;
        transactions::check(&metastore.transactions, &SystemClock, findings).await?;
    }
    drop(metastore);
    engine.close().await;
    Ok(())
}

fn not_opened(settings: &Settings, error: &anyhow::Error) -> Finding {
    let found = format!("{error:#}");
    if settings.metastore.is_embedded() && found.contains("in use by another process") {
        return Finding::warning(
            OPEN,
            found,
            "Another Alluvium process uses this directory. A second one cannot start; nothing more is checked here.",
            "Look at the running process (/readyz, /metrics), or stop it and run this again.",
        );
    }
    let advice = if settings.metastore.is_embedded() {
        "Check that the directory exists or can be created, and that this user may write to it."
    } else {
        "Check that the cluster file is that of the servers and readable, that `fdbcli --exec status` on this machine \
         reports that the database is available, and that FoundationDB's client library is installed here."
    };
    Finding::failure(
        OPEN,
        found,
        "No role starts; running agents cannot acknowledge, or read what is not cached.",
        advice,
    )
}

async fn read(metastore: &Metastore) -> Finding {
    let mut latency = Latency::default();
    for _ in 0..PROBES {
        let began = Instant::now();
        if let Err(error) = metastore.nodes.list().await {
            return failed(READ, &error);
        }
        latency.add(began.elapsed());
    }
    let found = Finding::ok(READ, format!("{PROBES} reads, {}", latency.text()));
    latency.add_to(if latency.percentile(50) <= READ_P50_USUAL { found } else { slow(found) })
}

/// Commits heartbeats of a node without addresses, as an agent does, and removes the node again.
async fn commit(metastore: &Metastore, rng: &dyn Rng) -> Finding {
    let (nodes, clock) = (&metastore.nodes, SystemClock);
    let probe = NewNode { version: env!("CARGO_PKG_VERSION").to_owned(), ..NewNode::default() };
    let node = match nodes.register(&probe, Incarnation(rng.next_u64()), clock.now()).await {
        Ok(node) => node,
        Err(error) => return failed(COMMIT, &error),
    };
    let mut latency = Latency::default();
    let mut failure = None;
    for _ in 0..PROBES {
        let began = Instant::now();
        if let Err(error) = nodes.heartbeat(node.lease_owner(), NodeState::Draining, clock.now()).await {
            failure = Some(error);
            break;
        }
        latency.add(began.elapsed());
    }
    let left = nodes.leave(node.lease_owner()).await.map_err(HeartbeatError::from);
    if let Some(error) = failure.or(left.err()) {
        return failed(COMMIT, &error);
    }
    let found = Finding::ok(COMMIT, format!("{PROBES} commits, {}", latency.text()));
    latency.add_to(if latency.percentile(50) <= COMMIT_P50_USUAL { found } else { slow(found) })
}

fn failed(check: &'static str, error: &dyn std::error::Error) -> Finding {
    Finding::failure(
        check,
        error.to_string(),
        "Nothing can be acknowledged, and only cached records can be read.",
        "Look at FoundationDB's servers: `fdbcli --exec 'status details'`; for the embedded metastore, at its disk.",
    )
}

fn slow(found: Finding) -> Finding {
    Finding::warning(
        found.check,
        found.found,
        "Every acknowledgement waits for a commit, and every cold fetch for a read.",
        "Run the metastore near (in zones of the same region), on disks that sync fast and machines with idle CPUs.",
    )
}
