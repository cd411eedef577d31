//! What HTTP requests are counted by.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::counted::latency;

/// Which HTTP request, and how it ended. Routes are patterns, so that there are only so many.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HttpLabels {
    /// The method, `other` for an unusual one.
    pub method: &'static str,
    /// The pattern of the route, empty where there is none.
    pub route: String,
    /// The status code.
    pub status: u16,
}

/// Which HTTP route.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabel {
    /// Its pattern.
    pub route: String,
}

/// Counters and histograms of HTTP. Clones share them.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    /// Requests answered.
    pub requests: Family<HttpLabels, Counter>,
    /// From a request's head to the head of its answer.
    pub seconds: Family<RouteLabel, Histogram, fn() -> Histogram>,
    /// Bytes of bodies of requests.
    pub request_bytes: Counter,
    /// Bytes of bodies of answers.
    pub response_bytes: Counter,
    /// Connections open.
    pub connections: Gauge,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(latency),
            request_bytes: Counter::default(),
            response_bytes: Counter::default(),
            connections: Gauge::default(),
        }
    }
}

impl HttpMetrics {
    /// A request was answered.
    pub fn answered(&self, labels: HttpLabels, response_bytes: u64, took: Duration) {
        self.seconds.get_or_create(&RouteLabel { route: labels.route.clone() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&labels).inc();
        self.response_bytes.inc_by(response_bytes);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "HTTP requests answered", self.requests.clone());
        registry.register("http_request_seconds", "Latency of HTTP requests", self.seconds.clone());
        registry.register("http_request_bytes", "Bytes of bodies of HTTP requests", self.request_bytes.clone());
        registry.register("http_response_bytes", "Bytes of bodies of HTTP answers", self.response_bytes.clone());
        registry.register("http_connections", "HTTP connections open", self.connections.clone());
    }
}
