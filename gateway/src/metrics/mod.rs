//! Metrics: how each is declared, counted, read and shown.
//!
//! Owns: the one form of a metric ([`Definition`]); the instruments that the modules above count with ([`Metrics`]);
//! the interface through which values held elsewhere are read at a scrape ([`MetricSource`], with a table of
//! [`Metric`]s); the text of a scrape. Does not own: when something is counted, or how the text gets out (`http`).
//!
//! A new metric is one line: a field within `instruments!` (`agent.rs`, `http.rs`, `peers.rs`) or a row of a table of
//! [`Metric`]s. `UPDATE_DOCS=1 cargo test metrics` then writes it into docs/metrics.md.

mod agent;
mod definition;
mod http;
mod instruments;
mod key_value_store;
mod peers;
mod source;
mod text;

pub use agent::{ApiLabel, Metrics, RequestLabels, SealLabel};
pub use definition::{Definition, Kind};
pub use http::{HttpLabels, HttpMetrics, RouteLabel};
pub use instruments::Histograms;
pub use key_value_store::KEY_VALUE_STORE_METRICS;
pub use peers::{FallbackLabel, PeerMetrics, ServedLabel};
pub use source::{Metric, MetricSource, Read, Sample, Series, definitions, read_all};
pub use text::scrape;
