//! The clients: each a task that does what its kind does until it is told to stop, and tells the recorder all it did and saw.

mod administrator;
mod consumer;
mod fetching;
mod producer;
mod reader;
mod values;

pub use administrator::{administrate, create_topics, disable_retention};
pub use consumer::{ConsumerPlan, consume};
pub use fetching::{Fetched, Fetcher, Reply};
pub use producer::{ProducerPlan, produce};
pub use reader::read;

use std::sync::Arc;
use std::time::Duration;

use alluvium_client::{Routes, RoutesConfig};
use alluvium_model::TopicPartition;
use alluvium_runtime::Clock;
use tokio_util::sync::CancellationToken;

use crate::history::Actor;
use crate::network::{Network, Place};
use crate::recorder::Recorder;
use crate::rng::SimRng;
use crate::time::SimClock;

/// What every client has.
pub struct Client {
    /// As whom it tells.
    pub actor: Actor,
    /// To whom.
    pub recorder: Recorder,
    /// Its decisions.
    pub rng: SimRng,
    /// Where it is.
    pub place: Place,
    /// Its wall clock.
    pub clock: Arc<SimClock>,
    /// Its way out.
    pub network: Network,
    /// Where agents may be found.
    pub bootstrap: Vec<String>,
    /// Topics that there may be.
    pub topics: Vec<String>,
    /// Its cue to finish.
    pub stop: CancellationToken,
}

impl Client {
    /// Its way to the cluster.
    #[must_use]
    pub fn routes(&self) -> Routes {
        let config = RoutesConfig {
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            patience: Duration::from_secs(20),
            ..RoutesConfig::default()
        };
        let zone = self.place.zone.as_deref().map(|zone| format!(",zone={}", zone.replace(' ', "-")));
        let client_id = format!("{}{}", self.place.name.replace(' ', "-"), zone.unwrap_or_default());
        let mut bootstrap = self.bootstrap.clone();
        let turn = self.rng.count(0, bootstrap.len().saturating_sub(1));
        bootstrap.rotate_left(turn);
        Routes::new(self.network.transport(self.place.clone()), bootstrap, &client_id, config)
    }

    /// A topic to work with.
    #[must_use]
    pub fn topic(&self) -> String {
        self.rng.pick(&self.topics).cloned().unwrap_or_default()
    }

    /// Its wall clock, ms.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.now().0
    }

    /// An agent knows nothing of an offset that was reached before, although the log starts no later: whoever believes it
    /// reads everything again.
    pub fn report_lost_position(&self, partition: TopicPartition, place: i64, start: i64) {
        if start <= place {
            let what = format!("{}: {partition} starts at {start}, and {place} is out of range", self.actor);
            self.recorder.report("place-lost", what);
        }
    }

    /// Thinks for a while; less where it is told to stop meanwhile.
    pub async fn think(&self, from: Duration, to: Duration) {
        let time = self.rng.time(from, to);
        self.stop.run_until_cancelled(tokio::time::sleep(time)).await;
    }
}
