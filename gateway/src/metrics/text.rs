//! The text of a scrape, in OpenMetrics' format.

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::registry::Registry;

use super::definition::PREFIX;
use super::source::Samples;
use super::{Metrics, Sample};

/// `samples`, and before them the `instruments` of an agent if the process has one.
#[must_use]
pub fn scrape(instruments: Option<&Metrics>, samples: Vec<Sample>) -> String {
    let mut registry = Registry::with_prefix(PREFIX);
    if let Some(instruments) = instruments {
        instruments.register(&mut registry);
    }
    registry.register_collector(Box::new(Samples(samples)));
    let mut text = String::new();
    encode_registry(&mut text, &registry)
        .and_then(|()| encode_eof(&mut text))
        .expect("writing to a string does not fail");
    text
}
