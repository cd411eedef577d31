//! The nodes of the cluster: whether they send heartbeats, can be reached, and agree with this machine's clock.

use std::{collections::BTreeSet, time::Duration};

use alluvium_metastore::nodes::{Endpoint, LeaseOwner, Node, NodeState, Nodes};
use alluvium_model::Timestamp;
use alluvium_runtime::Clock;
use anyhow::Result;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

use super::{finding::Finding, findings::Findings};

const REGISTERED: &str = "nodes.registered";
const STALE: &str = "nodes.stale";
const CLOCKS: &str = "nodes.clocks";
const REACHABLE: &str = "nodes.reachable";
/// Time between the two lists of nodes: several heartbeats.
const OBSERVATION_TIME: Duration = Duration::from_millis(1_600);
/// Milliseconds by which clocks may differ: commit ages and grace periods are measured by them.
const CLOCK_OFFSET_MAX_MS: i64 = 2_000;
/// Time for a connection within one network.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// One node, observed twice.
struct ObservedNode {
    node: Node,
    /// Whether it sent a heartbeat between the two observations.
    is_alive: bool,
    /// Milliseconds by which its clock is ahead of ours at least; negative if behind; `None` without a heartbeat.
    ahead_ms: Option<i64>,
}

/// Checks the registered nodes.
///
/// # Errors
/// If a finding cannot be printed.
pub async fn check(nodes: &Nodes, clock: &dyn Clock, findings: &mut Findings) -> Result<()> {
    let began = clock.now();
    let observed = async {
        let before = nodes.list().await?;
        tokio::time::sleep(OBSERVATION_TIME).await;
        Ok::<_, alluvium_metastore::Error>((before, nodes.list().await?))
    };
    let (before, after) = match observed.await {
        Ok(lists) => lists,
        Err(error) => {
            let advice = "Look at the metastore's servers, and run this again.";
            return findings.add(Finding::not_known(REGISTERED, error.to_string(), advice));
        }
    };
    let nodes = compare(&before, &after, began, clock.now());
    findings.add(registered(&nodes))?;
    if nodes.is_empty() {
        return Ok(());
    }
    findings.add(stale(&nodes))?;
    findings.add(clocks(&nodes))?;
    findings.add(reachable(&nodes).await)
}

/// Compares two lists of all nodes, the first read after `began`, the second before `ended`.
fn compare(before: &[Node], after: &[Node], began: Timestamp, ended: Timestamp) -> Vec<ObservedNode> {
    let key = |node: &Node| -> (LeaseOwner, u64) { (node.lease_owner(), node.heartbeats) };
    let known: BTreeSet<_> = before.iter().map(key).collect();
    let observe = |node: &Node| {
        let is_alive = !known.contains(&key(node));
        // Its last heartbeat was written between the two observations, so at some time between ours.
        let ahead_ms = if node.clock > ended { node.clock.0 - ended.0 } else { (node.clock.0 - began.0).min(0) };
        ObservedNode { node: node.clone(), is_alive, ahead_ms: is_alive.then_some(ahead_ms) }
    };
    after.iter().map(observe).collect()
}

fn registered(nodes: &[ObservedNode]) -> Finding {
    let listed: Vec<Value> = nodes.iter().map(document).collect();
    let lines: Vec<String> = nodes.iter().map(|observed| line(&observed.node)).collect();
    let found = if lines.is_empty() { "no node is registered".to_owned() } else { lines.join("; ") };
    Finding::ok(REGISTERED, found).with("nodes", listed)
}

fn line(node: &Node) -> String {
    let zone = node.zone.as_deref().map(|zone| format!(" in {zone}")).unwrap_or_default();
    let kafka = node.kafka.as_ref().map(|kafka| format!(" serves {kafka}")).unwrap_or_default();
    let compacts = if node.compacts { " compacts" } else { "" };
    let state = match node.state {
        NodeState::Active => "",
        NodeState::Draining => " (draining)",
        NodeState::Degraded => " (degraded: it cannot use the object store)",
    };
    format!("{}{zone}{kafka}{compacts}, {}{state}", node.id, node.version)
}

fn document(observed: &ObservedNode) -> Value {
    let Node { id, zone, kafka, http, compacts, version, state, .. } = &observed.node;
    let text = |endpoint: &Option<Endpoint>| endpoint.as_ref().map(ToString::to_string);
    json!({
        "id": id.0,
        "zone": zone.as_deref(),
        "kafka": text(kafka),
        "http": text(http),
        "compacts": compacts,
        "version": version,
        "draining": *state == NodeState::Draining,
        "degraded": *state == NodeState::Degraded,
        "beating": observed.is_alive,
        "clock_ahead_ms": observed.ahead_ms,
    })
}

fn stale(nodes: &[ObservedNode]) -> Finding {
    let stale = nodes.iter().filter(|observed| !observed.is_alive);
    let stale: Vec<String> = stale.map(|observed| observed.node.id.to_string()).collect();
    if stale.is_empty() {
        return Finding::ok(STALE, "all nodes send heartbeats");
    }
    Finding::warning(
        STALE,
        format!("nodes {} have sent no heartbeat for over a second", stale.join(", ")),
        "Their processes are dead, paused or cut off. Others take over their work within seconds, and remove them.",
        "Look at these processes. If no process runs at all, the next one that starts removes these nodes.",
    )
}

fn clocks(nodes: &[ObservedNode]) -> Finding {
    let differs = |observed: &&ObservedNode| observed.ahead_ms.is_some_and(|ms| ms.abs() > CLOCK_OFFSET_MAX_MS);
    let differing: Vec<String> = nodes
        .iter()
        .filter(differs)
        .map(|observed| format!("{} is {} ms ahead", observed.node.id, observed.ahead_ms.unwrap_or_default()))
        .collect();
    if differing.is_empty() {
        let widest = nodes.iter().filter_map(|observed| observed.ahead_ms).map(i64::abs).max().unwrap_or(0);
        return Finding::ok(CLOCKS, format!("at most {widest} ms from ours")).with("offset_max_ms", widest);
    }
    Finding::warning(
        CLOCKS,
        format!("by the clock of this machine: node {}", differing.join(", node ")),
        "Commit ages and the grace period of deleted objects are measured by clocks; a difference of minutes would \
         reject good commits or delete objects too early. Timestamps of records differ as well.",
        "Synchronise the clocks of all machines with chrony or ntpd, this one too.",
    )
}

async fn reachable(nodes: &[ObservedNode]) -> Finding {
    let mut unreachable = Vec::new();
    for node in nodes.iter().filter(|observed| observed.is_alive).map(|observed| &observed.node) {
        for endpoint in [&node.kafka, &node.http].into_iter().flatten() {
            let connecting = TcpStream::connect((endpoint.host.as_str(), endpoint.port));
            if !matches!(timeout(CONNECT_TIMEOUT, connecting).await, Ok(Ok(_))) {
                unreachable.push(format!("{endpoint} of node {}", node.id));
            }
        }
    }
    if unreachable.is_empty() {
        return Finding::ok(REACHABLE, "the advertised addresses of all live nodes can be connected to from here");
    }
    Finding::warning(
        REACHABLE,
        format!("cannot connect to {}", unreachable.join(", ")),
        "Clients in the same network as this machine cannot use these addresses either; agents of the same zone \
         read from the bucket what they could read from each other's caches.",
        "Correct --kafka-advertised and --http-advertised of these nodes, or open the network between.",
    )
}

#[cfg(test)]
mod tests {
    use alluvium_metastore::nodes::Incarnation;
    use alluvium_model::AgentId;

    use super::*;
    use crate::doctor::finding::Outcome;

    fn node(id: i32, heartbeats: u64, clock: i64) -> Node {
        Node {
            id: AgentId(id),
            incarnation: Incarnation(1),
            rank: 0,
            zone: None,
            kafka: None,
            http: None,
            compacts: true,
            version: "1".into(),
            started: Timestamp(0),
            heartbeats,
            clock: Timestamp(clock),
            state: NodeState::Active,
            expiry: alluvium_model::limits::NODE_EXPIRY,
            compaction: alluvium_model::CompactionLoad::default(),
        }
    }

    fn seen(heartbeats: [u64; 2], clock: i64) -> Vec<ObservedNode> {
        compare(&[node(1, heartbeats[0], 0)], &[node(1, heartbeats[1], clock)], Timestamp(100_000), Timestamp(101_600))
    }

    #[test]
    fn a_clock_between_the_two_observations_does_not_differ() {
        for (clock, ahead) in [(100_000, 0), (101_600, 0), (101_700, 100), (99_000, -1_000), (105_000, 3_400)] {
            assert_eq!(seen([1, 3], clock)[0].ahead_ms, Some(ahead), "{clock}");
        }
        assert_eq!(clocks(&seen([1, 3], 103_600)).outcome, Outcome::Ok);
        assert_eq!(clocks(&seen([1, 3], 103_601)).outcome, Outcome::Warning);
        assert_eq!(clocks(&seen([1, 3], 97_999)).outcome, Outcome::Warning);
    }

    #[test]
    fn a_node_without_a_heartbeat_is_stale_and_its_clock_is_unknown() {
        let seen = seen([3, 3], 50);
        assert_eq!((stale(&seen).outcome, seen[0].ahead_ms), (Outcome::Warning, None));
    }
}
