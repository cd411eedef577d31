//! The agent's numbers: one registry per agent, so that many agents in one process do not mix.
//!
//! Owns: what is counted and under which name; what is read for a scrape. Does not own: when (whoever does the thing counts
//! it), or how the text gets out (`http`).

mod collect;
mod counted;
mod http;
mod peers;
mod positions;
mod scrape;
mod source;

pub use collect::AgentCollector;
pub use counted::{ApiLabel, Metrics, RequestLabels, SealLabel};
pub use http::{HttpLabels, HttpMetrics, RouteLabel};
pub use peers::{FallbackLabel, PeerMetrics, ServedLabel};
pub use positions::{GROUPS_READ_MAX, PositionReader, Positions, SERIES_MAX};
pub use scrape::scrape_alone;
pub use source::{MetricSource, Sample, SampleKind};
