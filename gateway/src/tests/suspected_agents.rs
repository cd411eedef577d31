//! An agent whose process has ended is noticed by its closed connections, long before it expires.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alluvium_model::node::Endpoint;
use async_trait::async_trait;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::peer_network::agent;
use super::world::{TIMEOUT, World, wait_for_nodes};
use crate::agent::Agent;
use crate::live_agents::LiveAgents;
use crate::peers::{BlockName, HttpPeers, PeerBlocks, PeerError};

/// Noticing closed connections takes no timer.
const AT_ONCE: Duration = Duration::from_millis(20);

/// Connections between agents, by the port of the one that is connected to; all of a port close at once.
#[derive(Clone, Default)]
struct Connections(Arc<Mutex<BTreeMap<u16, CancellationToken>>>);

impl Connections {
    fn to(&self, port: u16) -> CancellationToken {
        self.0.lock().expect("no test panics with it").entry(port).or_default().clone()
    }
}

#[async_trait]
impl PeerBlocks for Connections {
    async fn fetch(&self, peer: &Endpoint, _block: &BlockName) -> Result<Bytes, PeerError> {
        Err(PeerError::Unreachable(peer.to_string()))
    }

    async fn ended(&self, peer: &Endpoint) {
        let closed = self.to(peer.port);
        closed.cancelled().await;
        // The next connection can be opened again.
        self.0.lock().expect("no test panics with it").remove(&peer.port);
    }
}

async fn two_agents(world: &World) -> (Connections, [Arc<Agent>; 2]) {
    let connections = Connections::default();
    let at = |port| Endpoint { host: "agent".to_owned(), port };
    let peers = || Arc::new(connections.clone());
    let agents = [agent(world, "a", at(1), peers()).await, agent(world, "a", at(2), peers()).await];
    for agent in &agents {
        wait_for_nodes(agent, 2).await;
    }
    (connections, agents)
}

fn advertised(agent: &Agent) -> Vec<i32> {
    LiveAgents::of(&agent.session).agents().map(|node| node.id.0).collect()
}

async fn until_advertised(agent: &Agent, ids: &[i32]) -> Duration {
    let (began, mut changes) = (Instant::now(), agent.session.changes());
    while advertised(agent) != ids {
        let changed = timeout(TIMEOUT, changes.changed()).await;
        changed.expect("it changes in time").expect("the session lives");
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_led_by_an_agent_that_ended_and_its_groups_move_when_it_has_expired() {
    let world = World::new().await;
    let (connections, [a, b]) = two_agents(&world).await;
    let groups = || (0..).map(|n| format!("group-{n}"));
    let group = groups().find(|name| LiveAgents::of(&b.session).is_coordinated_here(name)).expect("some group");
    assert!(b.tasks.stop(Duration::from_secs(1)).await, "it ends without leaving");
    let ended = Instant::now();
    connections.to(2).cancel();
    assert!(until_advertised(&a, &[0]).await <= AT_ONCE);
    assert_eq!(a.session.live().len(), 2, "it is still registered");
    let live_agents = LiveAgents::of(&a.session);
    assert_eq!((live_agents.coordinator(&group).0, live_agents.agent(live_agents.coordinator(&group))), (1, None));
    wait_for_nodes(&a, 1).await;
    assert!(ended.elapsed() > Duration::from_secs(2), "{:?}", ended.elapsed());
    assert!(LiveAgents::of(&a.session).is_coordinated_here(&group));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_lives_is_advertised_again_after_some_heartbeats() {
    let world = World::new().await;
    let (connections, [a, b]) = two_agents(&world).await;
    for _ in 0..3 {
        connections.to(2).cancel();
        until_advertised(&a, &[0]).await;
        assert_eq!(advertised(&b), [0, 1], "it knows better");
        let took = until_advertised(&a, &[0, 1]).await;
        assert!(took <= Duration::from_secs(2), "{took:?}");
    }
    assert_eq!(b.session.node().incarnation, a.session.live()[1].incarnation, "it was never removed");
}

#[tokio::test]
async fn a_process_has_ended_once_it_closes_connections_and_refuses_new_ones() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let ended = async move { HttpPeers::new().ended(&Endpoint { host: "127.0.0.1".to_owned(), port }).await };
    let ended = tokio::spawn(ended);
    // Idle connections may be closed: it connects again.
    for _ in 0..3 {
        drop(timeout(TIMEOUT, listener.accept()).await.expect("it connects").expect("accepted"));
    }
    let connection = timeout(TIMEOUT, listener.accept()).await.expect("it connects").expect("accepted");
    assert!(!ended.is_finished());
    drop((listener, connection));
    timeout(TIMEOUT, ended).await.expect("it notices").expect("it runs");
}
