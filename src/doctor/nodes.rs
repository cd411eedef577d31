//! The other processes of the cluster: who they are, whether they live, can be reached, and by which clock they go.

use std::{collections::BTreeSet, time::Duration};

use alluvium_metastore::nodes::{Endpoint, LeaseOwner, Node, NodeState, Nodes};
use alluvium_model::Timestamp;
use alluvium_runtime::Clock;
use anyhow::Result;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

use super::{finding::Finding, run::Findings};

const REGISTERED: &str = "nodes.registered";
const STALE: &str = "nodes.stale";
const CLOCKS: &str = "nodes.clocks";
const REACHABLE: &str = "nodes.reachable";
/// Several heartbeats.
const WATCH: Duration = Duration::from_millis(1_600);
/// Clocks further apart than this are a finding: ages of commits and times of grace are judged by them.
const CLOCK_OFFSET_MAX_MS: i64 = 2_000;
/// Time for a connection within a network.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// One node as seen twice.
struct Seen {
    node: Node,
    is_beating: bool,
    /// How far its clock is ahead of ours at least; negative: behind. Known of those that beat.
    ahead_ms: Option<i64>,
}

/// Checks the registered nodes.
///
/// # Errors
/// Where findings cannot be shown.
pub async fn check(nodes: &Nodes, clock: &dyn Clock, findings: &mut Findings) -> Result<()> {
    let began = clock.now();
    let watched = async {
        let before = nodes.list().await?;
        tokio::time::sleep(WATCH).await;
        Ok::<_, alluvium_metastore::Error>((before, nodes.list().await?))
    };
    let (before, after) = match watched.await {
        Ok(watched) => watched,
        Err(error) => {
            let advice = "Look at the metastore's servers, and run this again.";
            return findings.add(Finding::not_known(REGISTERED, error.to_string(), advice));
        }
    };
    let seen = compare(&before, &after, began, clock.now());
    findings.add(registered(&seen))?;
    if seen.is_empty() {
        return Ok(());
    }
    findings.add(stale(&seen))?;
    findings.add(clocks(&seen))?;
    findings.add(reachable(&seen).await)
}

/// What two looks at all nodes show, the first taken after `began`, the second before `ended`.
fn compare(before: &[Node], after: &[Node], began: Timestamp, ended: Timestamp) -> Vec<Seen> {
    let key = |node: &Node| -> (LeaseOwner, u64) { (node.lease_owner(), node.heartbeats) };
    let known: BTreeSet<_> = before.iter().map(key).collect();
    let see = |node: &Node| {
        let is_beating = !known.contains(&key(node));
        // Its last beat was written between the two looks: its clock was then somewhere between our two times.
        let ahead_ms = if node.clock > ended { node.clock.0 - ended.0 } else { (node.clock.0 - began.0).min(0) };
        Seen { node: node.clone(), is_beating, ahead_ms: is_beating.then_some(ahead_ms) }
    };
    after.iter().map(see).collect()
}

fn registered(seen: &[Seen]) -> Finding {
    let listed: Vec<Value> = seen.iter().map(listed).collect();
    let lines: Vec<String> = seen.iter().map(|seen| line(&seen.node)).collect();
    let found = if lines.is_empty() { "no node is registered".to_owned() } else { lines.join("; ") };
    Finding::ok(REGISTERED, found).with("nodes", listed)
}

fn line(node: &Node) -> String {
    let zone = node.zone.as_deref().map(|zone| format!(" in {zone}")).unwrap_or_default();
    let kafka = node.kafka.as_ref().map(|kafka| format!(" serves {kafka}")).unwrap_or_default();
    let compacts = if node.compacts { " compacts" } else { "" };
    let state = if node.state == NodeState::Draining { " (draining)" } else { "" };
    format!("{}{zone}{kafka}{compacts}, {}{state}", node.id, node.version)
}

fn listed(seen: &Seen) -> Value {
    let Node { id, zone, kafka, http, compacts, version, state, .. } = &seen.node;
    let text = |endpoint: &Option<Endpoint>| endpoint.as_ref().map(ToString::to_string);
    json!({
        "id": id.0,
        "zone": zone.as_deref(),
        "kafka": text(kafka),
        "http": text(http),
        "compacts": compacts,
        "version": version,
        "draining": *state == NodeState::Draining,
        "beating": seen.is_beating,
        "clock_ahead_ms": seen.ahead_ms,
    })
}

fn stale(seen: &[Seen]) -> Finding {
    let stale: Vec<String> = seen.iter().filter(|seen| !seen.is_beating).map(|seen| seen.node.id.to_string()).collect();
    if stale.is_empty() {
        return Finding::ok(STALE, "all of them beat");
    }
    Finding::warning(
        STALE,
        format!("nodes {} have not beaten for over a second", stale.join(", ")),
        "Their processes are dead, paused or cut off. Others take their work over within seconds, and remove them.",
        "Look at these processes. If none runs at all, the rows are removed by the next one that starts.",
    )
}

fn clocks(seen: &[Seen]) -> Finding {
    let apart = |seen: &&Seen| seen.ahead_ms.is_some_and(|ms| ms.abs() > CLOCK_OFFSET_MAX_MS);
    let apart: Vec<String> = seen
        .iter()
        .filter(apart)
        .map(|seen| format!("{} is {} ms ahead", seen.node.id, seen.ahead_ms.unwrap_or_default()))
        .collect();
    if apart.is_empty() {
        let widest = seen.iter().filter_map(|seen| seen.ahead_ms).map(i64::abs).max().unwrap_or(0);
        return Finding::ok(CLOCKS, format!("at most {widest} ms from ours")).with("offset_max_ms", widest);
    }
    Finding::warning(
        CLOCKS,
        format!("by the clock of this machine: node {}", apart.join(", node ")),
        "Whether a commit comes too late, and whether a deleted object's grace is over, is judged by clocks; minutes of \
         difference would refuse good commits or delete too early. Timestamps of records differ as well.",
        "Let chrony or ntpd keep the clocks of all machines, this one too.",
    )
}

async fn reachable(seen: &[Seen]) -> Finding {
    let mut unreachable = Vec::new();
    for node in seen.iter().filter(|seen| seen.is_beating).map(|seen| &seen.node) {
        for endpoint in [&node.kafka, &node.http].into_iter().flatten() {
            let connecting = TcpStream::connect((endpoint.host.as_str(), endpoint.port));
            if !matches!(timeout(CONNECT_PATIENCE, connecting).await, Ok(Ok(_))) {
                unreachable.push(format!("{endpoint} of node {}", node.id));
            }
        }
    }
    if unreachable.is_empty() {
        return Finding::ok(REACHABLE, "advertised addresses of all that beat can be connected to from here");
    }
    Finding::warning(
        REACHABLE,
        format!("cannot connect to {}", unreachable.join(", ")),
        "Clients that are told these addresses cannot use them either, if they are where this machine is; agents of the same \
         zone read from the bucket what they could have had from each other.",
        "Correct --kafka-advertised and --http-advertised of these nodes, or open the network between.",
    )
}

#[cfg(test)]
mod tests {
    use alluvium_metastore::nodes::Incarnation;
    use alluvium_model::AgentId;

    use super::*;
    use crate::doctor::finding::Outcome;

    fn node(id: i32, beat: u64, clock: i64) -> Node {
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
            heartbeats: beat,
            clock: Timestamp(clock),
            state: NodeState::Active,
        }
    }

    fn seen(beats: [u64; 2], clock: i64) -> Vec<Seen> {
        compare(&[node(1, beats[0], 0)], &[node(1, beats[1], clock)], Timestamp(100_000), Timestamp(101_600))
    }

    #[test]
    fn a_clock_within_the_time_of_looking_is_as_good_as_ours() {
        for (clock, ahead) in [(100_000, 0), (101_600, 0), (101_700, 100), (99_000, -1_000), (105_000, 3_400)] {
            assert_eq!(seen([1, 3], clock)[0].ahead_ms, Some(ahead), "{clock}");
        }
        assert_eq!(clocks(&seen([1, 3], 103_600)).outcome, Outcome::Ok);
        assert_eq!(clocks(&seen([1, 3], 103_601)).outcome, Outcome::Warning);
        assert_eq!(clocks(&seen([1, 3], 97_999)).outcome, Outcome::Warning);
    }

    #[test]
    fn a_node_that_does_not_beat_is_stale_and_its_clock_is_not_known() {
        let seen = seen([3, 3], 50);
        assert_eq!((stale(&seen).outcome, seen[0].ahead_ms), (Outcome::Warning, None));
    }
}
