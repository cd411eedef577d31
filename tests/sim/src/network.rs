//! The network between clients and agents, and who is cut off from whom.
//!
//! Owns: links (who reaches whom), listening agents, connections over pipes in memory with latency. Does not own: the
//! protocol. Invariants: bytes of a connection arrive in order or not at all; a cut link delays what is on it until it
//! is healed, as retransmissions do.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_client::{Stream, Transport};
use alluvium_gateway::agent::Agent;
use alluvium_gateway::kafka::serve_connection;
use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::rng::SimRng;

/// Bytes that a pipe holds: less than many answers, so that writers wait for readers.
const PIPE_BYTES: usize = 32 << 10;
/// Bytes that travel at once.
const PACKET_BYTES: usize = 16 << 10;
/// How often a sender at a cut link checks whether it is healed.
const CUT_PAUSE: Duration = Duration::from_millis(20);

/// Pause before an agent that refuses connections is tried again.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// The name of the object store's place.
pub const STORE: &str = "store";
/// The name of the metastore's place.
pub const METASTORE: &str = "metastore";

/// Where something runs. Links are cut between names of places or of zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Unique in the run.
    pub name: String,
    /// `zone ...`.
    pub zone: Option<String>,
}

impl Place {
    /// A place in no zone.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), zone: None }
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.name).chain(&self.zone)
    }
}

/// The network. Clones share it.
#[derive(Clone)]
pub struct Network(Arc<NetworkContext>);

struct NetworkContext {
    state: Mutex<NetworkState>,
    rng: SimRng,
    latency_max: Duration,
}

#[derive(Default)]
struct NetworkState {
    hosts: BTreeMap<String, Host>,
    cuts: BTreeSet<(String, String)>,
    connections: u16,
}

#[derive(Clone)]
struct Host {
    place: Place,
    agent: Arc<Agent>,
    accepting: CancellationToken,
    /// Cancelled: all its connections are reset.
    reset: CancellationToken,
}

impl Network {
    /// A network without cuts. A packet takes at most `latency_max`.
    #[must_use]
    pub fn new(rng: SimRng, latency_max: Duration) -> Self {
        Self(Arc::new(NetworkContext { state: Mutex::default(), rng, latency_max }))
    }

    /// Lets `agent` listen at `address`.
    pub fn listen(&self, address: &str, place: Place, agent: Arc<Agent>, accepting: CancellationToken) {
        let host = Host { place, agent, accepting, reset: CancellationToken::new() };
        self.state().hosts.insert(address.to_owned(), host);
    }

    /// Ends listening at `address`; open connections go on.
    pub fn close(&self, address: &str) {
        // Dropped outside of the lock: this may be the last reference to the agent.
        let host = self.state().hosts.remove(address);
        drop(host);
    }

    /// Ends listening at `address` and resets its connections: the process there is dead.
    pub fn vanish(&self, address: &str) {
        let host = self.state().hosts.remove(address);
        if let Some(host) = host {
            host.reset.cancel();
        }
    }

    /// Resets all connections to `address`.
    pub fn reset(&self, address: &str) {
        let reset = {
            let mut state = self.state();
            state.hosts.get_mut(address).map(|host| std::mem::take(&mut host.reset))
        };
        if let Some(reset) = reset {
            reset.cancel();
        }
    }

    /// The agent that listens at `address`.
    #[must_use]
    pub fn agent(&self, address: &str) -> Option<Arc<Agent>> {
        self.state().hosts.get(address).map(|host| Arc::clone(&host.agent))
    }

    /// Cuts the link between `a` and `b`, names of places or of zones.
    pub fn cut(&self, a: &str, b: &str) {
        self.state().cuts.insert((a.to_owned(), b.to_owned()));
    }

    /// Heals the link between `a` and `b`.
    pub fn heal_link(&self, a: &str, b: &str) {
        self.state().cuts.remove(&(a.to_owned(), b.to_owned()));
    }

    /// Heals all links.
    pub fn heal(&self) {
        self.state().cuts.clear();
    }

    /// Whether the link between `a` and `b` is cut.
    #[must_use]
    pub fn is_cut(&self, a: &Place, b: &Place) -> bool {
        let state = self.state();
        if state.cuts.is_empty() {
            return false;
        }
        let pair = |x: &String, y: &String| state.cuts.contains(&(x.clone(), y.clone()));
        a.names().any(|x| b.names().any(|y| pair(x, y) || pair(y, x)))
    }

    /// The transport of a client at `place`.
    #[must_use]
    pub fn transport(&self, place: Place) -> Arc<dyn Transport> {
        Arc::new(Dialer { network: self.clone(), place })
    }

    /// Waits for as long as a packet takes from `a` to `b`, and until the link is not cut.
    pub async fn travel(&self, a: &Place, b: &Place) {
        let bound = u64::try_from(self.0.latency_max.as_micros()).unwrap_or(0);
        if bound > 0 {
            sleep(Duration::from_micros(self.0.rng.below(bound))).await;
        }
        while self.is_cut(a, b) {
            sleep(CUT_PAUSE).await;
        }
    }

    /// Waits, at `from`, until a connection to `address` was open and is closed, and the next one is refused. Without a
    /// connection there is nothing to close: it is tried again.
    pub async fn refusal_after_close(&self, from: &Place, address: &str) {
        let mut was_open = false;
        loop {
            let there = self.place_of(address);
            self.travel(from, &there).await;
            let connection = self.state().hosts.get(address).map(|host| host.reset.clone());
            match connection {
                Some(reset) => {
                    was_open = true;
                    reset.cancelled().await;
                    self.travel(&there, from).await;
                }
                None if was_open => return,
                None => sleep(RECONNECT_PAUSE).await,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, NetworkState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host at `address`, and the number of one more connection.
    fn host(&self, address: &str) -> Option<(Host, u16)> {
        let mut state = self.state();
        state.connections = state.connections.wrapping_add(1);
        let number = state.connections;
        state.hosts.get(address).map(|host| (host.clone(), number))
    }

    /// Where the agent at `address` is.
    #[must_use]
    pub fn place_of(&self, address: &str) -> Place {
        let known = self.state().hosts.get(address).map(|host| host.place.clone());
        known.unwrap_or_else(|| Place::named(address))
    }
}

struct Dialer {
    network: Network,
    place: Place,
}

#[async_trait]
impl Transport for Dialer {
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        let network = &self.network;
        network.travel(&self.place, &network.place_of(address)).await;
        let (host, number) = network.host(address).ok_or(io::ErrorKind::ConnectionRefused)?;
        let (client, near) = tokio::io::duplex(PIPE_BYTES);
        let (far, server) = tokio::io::duplex(PIPE_BYTES);
        let (read, write) = tokio::io::split(server);
        let peer = SocketAddr::from(([127, 0, 0, 1], number));
        let (agent, stop) = (Arc::clone(&host.agent), host.accepting.clone());
        let serve = |priority| serve_connection(agent, peer, priority, read, write, stop);
        host.agent.tasks.spawn_movable("kafka connection", serve);
        tokio::spawn(relay(network.clone(), self.place.clone(), host.place, host.reset, near, far));
        Ok(Box::new(client))
    }
}

/// Relays bytes both ways until both ends are done, or the connection is reset.
async fn relay(
    network: Network,
    client: Place,
    host: Place,
    reset: CancellationToken,
    near: DuplexStream,
    far: DuplexStream,
) {
    let ((mut from_client, mut to_client), (mut from_host, mut to_host)) =
        (tokio::io::split(near), tokio::io::split(far));
    let both = async {
        tokio::join!(
            relay_one_way(&network, &client, &host, &mut from_client, &mut to_host),
            relay_one_way(&network, &host, &client, &mut from_host, &mut to_client),
        )
    };
    // Reset or at its end: both pipes are dropped here.
    reset.run_until_cancelled(both).await;
}

async fn relay_one_way<R, W>(network: &Network, from: &Place, to: &Place, read: &mut R, write: &mut W)
where
    R: tokio::io::AsyncRead + Unpin,
    W: tokio::io::AsyncWrite + Unpin,
{
    let mut packet = vec![0; PACKET_BYTES];
    loop {
        let bytes = read.read(&mut packet).await.unwrap_or(0);
        network.travel(from, to).await;
        if bytes == 0 || write.write_all(&packet[..bytes]).await.is_err() {
            // The other direction stays open.
            let _ = write.shutdown().await;
            return;
        }
    }
}
