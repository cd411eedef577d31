//! The text that a scrape is answered with.

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::registry::Registry;

use super::counted::PREFIX;
use super::source::Taken;
use super::{Metrics, Positions, Sample};

impl Metrics {
    /// All numbers of the agent, `samples` of others, and `positions` where they could be read, in OpenMetrics' text format.
    #[must_use]
    pub fn scrape(&self, samples: Vec<Sample>, positions: Option<Positions>) -> String {
        let mut taken = Registry::with_prefix(PREFIX);
        taken.register_collector(Box::new(Taken(samples)));
        if let Some(positions) = positions {
            taken.register_collector(Box::new(positions));
        }
        let mut text = String::new();
        self.with_registry(|registry| encode_registry(&mut text, registry))
            .and_then(|()| encode_registry(&mut text, &taken))
            .and_then(|()| encode_eof(&mut text))
            .expect("writing to a string does not fail");
        text
    }
}

/// `samples` of a process without an agent, in the same format.
#[must_use]
pub fn scrape_alone(samples: Vec<Sample>) -> String {
    let mut taken = Registry::with_prefix(PREFIX);
    taken.register_collector(Box::new(Taken(samples)));
    let mut text = String::new();
    encode_registry(&mut text, &taken).and_then(|()| encode_eof(&mut text)).expect("writing to a string does not fail");
    text
}
