//! The metastore: whether it can be opened, which cluster it is, how long reads and commits take.

use std::{sync::Arc, time::Duration};

use alluvium_metastore::{
    Metastore,
    nodes::{HeartbeatError, Incarnation, NewNode, NodeState},
};
use alluvium_runtime::{Clock, Rng, SystemClock, SystemRng};
use anyhow::{Result, anyhow};
use tokio::time::{Instant, timeout};

use super::{finding::Finding, latency::Latency, nodes, run::Findings};
use crate::{config::Settings, stores::open_metastore};

const OPEN: &str = "metastore.open";
const READ: &str = "metastore.read";
const COMMIT: &str = "metastore.commit";
/// Probes of each kind.
const PROBES: usize = 20;
/// Time for the store to be found and opened; FoundationDB itself would wait for ever.
const PATIENCE: Duration = Duration::from_secs(10);
/// Every acknowledgement waits for a commit: beyond this, producers notice.
const COMMIT_P50_USUAL: Duration = Duration::from_millis(100);
/// What a cold read waits for first.
const READ_P50_USUAL: Duration = Duration::from_millis(50);

/// Checks the metastore and, where several processes share it, who they are.
///
/// # Errors
/// Where findings cannot be shown.
pub async fn check(settings: &Settings, rng: Arc<SystemRng>, findings: &mut Findings) -> Result<()> {
    let opening = timeout(PATIENCE, open_metastore(settings, rng.clone())).await;
    let opened = opening.unwrap_or_else(|_| Err(anyhow!("{}: no answer within 10 s", settings.metastore)));
    let (metastore, engine) = match opened {
        Ok(opened) => opened,
        Err(error) => return findings.add(closed(settings, &error)),
    };
    let cluster = &metastore.cluster;
    let found = format!("{}: cluster {}, format version {}", settings.metastore, cluster.id, cluster.format);
    let found = Finding::ok(OPEN, found).with("cluster", cluster.id.clone()).with("format", cluster.format);
    findings.add(found)?;
    findings.add(read(&metastore).await)?;
    findings.add(commit(&metastore, &*rng).await)?;
    if !settings.metastore.is_embedded() {
        nodes::check(&metastore.nodes, &SystemClock, findings).await?;
    }
    drop(metastore);
    engine.close().await;
    Ok(())
}

fn closed(settings: &Settings, error: &anyhow::Error) -> Finding {
    let found = format!("{error:#}");
    if settings.metastore.is_embedded() && found.contains("in use by another process") {
        return Finding::warning(
            OPEN,
            found,
            "An Alluvium is running on this directory. A second one will be refused, and nothing more is checked here.",
            "Ask the running one (/readyz, /metrics), or stop it and run this again.",
        );
    }
    let advice = if settings.metastore.is_embedded() {
        "Check that the directory exists or can be made, and may be written by this user."
    } else {
        "Check that the cluster file is that of the servers and readable, that `fdbcli --exec status` on this machine says that \
         the database is available, and that FoundationDB's client library is installed here."
    };
    Finding::failure(
        OPEN,
        found,
        "No role starts; agents that run cannot acknowledge or read what is not cached.",
        advice,
    )
}

async fn read(metastore: &Metastore) -> Finding {
    let mut latency = Latency::default();
    for _ in 0..PROBES {
        let began = Instant::now();
        if let Err(error) = metastore.nodes.list().await {
            return broken(READ, &error);
        }
        latency.add(began.elapsed());
    }
    let found = Finding::ok(READ, format!("{PROBES} reads, {}", latency.text()));
    latency.noted(if latency.percentile(50) <= READ_P50_USUAL { found } else { slow(found) })
}

/// Commits as an agent does that only says that it lives: a node without addresses, that is gone again afterwards.
async fn commit(metastore: &Metastore, rng: &dyn Rng) -> Finding {
    let (nodes, clock) = (&metastore.nodes, SystemClock);
    let new = NewNode { version: env!("CARGO_PKG_VERSION").to_owned(), ..NewNode::default() };
    let node = match nodes.register(&new, Incarnation(rng.next_u64()), clock.now()).await {
        Ok(node) => node,
        Err(error) => return broken(COMMIT, &error),
    };
    let mut latency = Latency::default();
    let mut failed = None;
    for _ in 0..PROBES {
        let began = Instant::now();
        if let Err(error) = nodes.heartbeat(node.lease_owner(), NodeState::Draining, clock.now()).await {
            failed = Some(error);
            break;
        }
        latency.add(began.elapsed());
    }
    let left = nodes.leave(node.lease_owner()).await.map_err(HeartbeatError::from);
    if let Some(error) = failed.or(left.err()) {
        return broken(COMMIT, &error);
    }
    let found = Finding::ok(COMMIT, format!("{PROBES} commits, {}", latency.text()));
    latency.noted(if latency.percentile(50) <= COMMIT_P50_USUAL { found } else { slow(found) })
}

fn broken(check: &'static str, error: &dyn std::error::Error) -> Finding {
    Finding::failure(
        check,
        error.to_string(),
        "Nothing can be acknowledged, and nothing read that is not cached.",
        "Look at the metastore's servers: `fdbcli --exec 'status details'`; of the embedded one, at its disk.",
    )
}

fn slow(found: Finding) -> Finding {
    Finding::warning(
        found.check,
        found.found,
        "Every acknowledgement waits for a commit, and every cold read for a read of it.",
        "Bring the metastore near (same region, other zones of it), on disks that sync fast and machines with time to spare.",
    )
}
