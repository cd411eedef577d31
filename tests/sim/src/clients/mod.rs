//! The clients: each is a task that works until it is stopped, and records everything that it does and sees.

mod administrator;
mod consumer;
mod fetching;
mod producer;
mod reader;
mod transactions;
pub mod values;

pub use administrator::{administrate, create_topics, disable_retention};
pub use consumer::{ConsumerPlan, consume};
pub use fetching::{Fetched, Fetcher, Reply};
pub use producer::{ProducerPlan, produce};
pub use reader::read;
pub use transactions::{Consumed, TransactionalPlan, Transform, TransformPlan, transact};

use std::sync::Arc;
use std::time::Duration;

use alluvium_client::{ConnectionPool, PoolConfig};
use alluvium_model::TopicPartition;
use alluvium_runtime::Clock;
use tokio_util::sync::CancellationToken;

use crate::history::{Actor, Isolation};
use crate::network::{Network, Place};
use crate::recorder::Recorder;
use crate::rng::SimRng;
use crate::time::SimClock;

/// What clients of every kind have.
pub struct Client {
    /// As which actor it records.
    pub actor: Actor,
    /// Where it records.
    pub recorder: Recorder,
    /// Its random decisions.
    pub rng: SimRng,
    /// Where it is in the network.
    pub place: Place,
    /// Its wall clock.
    pub clock: Arc<SimClock>,
    /// The network.
    pub network: Network,
    /// Addresses of agents.
    pub bootstrap: Vec<String>,
    /// Names of topics that may exist.
    pub topics: Vec<String>,
    /// How many of a thousand readings are read-committed.
    pub committed_per_mille: u64,
    /// Cancelled when the client has to finish.
    pub stop: CancellationToken,
}

impl Client {
    /// A new view of the cluster, with connections of its own.
    #[must_use]
    pub fn routes(&self) -> ConnectionPool {
        let config = PoolConfig {
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            api_timeout: Duration::from_secs(20),
            ..PoolConfig::default()
        };
        let zone = self.place.zone.as_deref().map(|zone| format!(",zone={}", zone.replace(' ', "-")));
        let client_id = format!("{}{}", self.place.name.replace(' ', "-"), zone.unwrap_or_default());
        let mut bootstrap = self.bootstrap.clone();
        let turn = self.rng.count(0, bootstrap.len().saturating_sub(1));
        bootstrap.rotate_left(turn);
        ConnectionPool::new(self.network.transport(self.place.clone()), bootstrap, &client_id, config)
    }

    /// Draws a topic to work with.
    #[must_use]
    pub fn topic(&self) -> String {
        self.rng.pick(&self.topics).cloned().unwrap_or_default()
    }

    /// Draws an isolation level to read with.
    #[must_use]
    pub fn isolation(&self) -> Isolation {
        // Without transactions nothing is drawn.
        if self.committed_per_mille > 0 && self.rng.chance(self.committed_per_mille) {
            Isolation::ReadCommitted
        } else {
            Isolation::ReadUncommitted
        }
    }

    /// The time of its wall clock, ms since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.now().0
    }

    /// Reports a violation if an agent calls `place`, which was reached before, out of range although the log starts at
    /// `start`, no later: a consumer that believes it reads everything again.
    pub fn report_lost_position(&self, partition: TopicPartition, place: i64, start: i64) {
        if start <= place {
            let what = format!("{}: {partition} starts at {start}, and {place} is out of range", self.actor);
            self.recorder.report_violation("place-lost", what);
        }
    }

    /// Waits for a random time, or until it is stopped.
    pub async fn think(&self, from: Duration, to: Duration) {
        let time = self.rng.time(from, to);
        self.stop.run_until_cancelled(tokio::time::sleep(time)).await;
    }
}
