//! The counters and histograms of the HTTP listener.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::instruments::{Histograms, instruments};

/// Which HTTP request, and how it ended. Routes are patterns, so that their number is bounded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HttpLabels {
    /// The method; `other` for an unusual one.
    pub method: &'static str,
    /// The pattern of the route; empty if there is none.
    pub route: String,
    /// The status code.
    pub status: u16,
}

/// Which HTTP route.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabel {
    /// The pattern of the route; empty if there is none.
    pub route: String,
}

instruments! {
    /// Counters and histograms of HTTP. Clones share them.
    pub struct HttpMetrics {
        /// HTTP requests answered, by method, pattern of the route and status
        requests: Family<HttpLabels, Counter> = "http_requests", "requests" ["method", "route", "status"];
        /// Latency of HTTP requests, from the head of a request to the head of its response
        seconds: Histograms<RouteLabel> = "http_request_seconds", "seconds" ["route"];
        /// Bytes of bodies of HTTP requests
        request_bytes: Counter = "http_request_bytes", "bytes" [];
        /// Bytes of bodies of HTTP responses
        response_bytes: Counter = "http_response_bytes", "bytes" [];
        /// HTTP connections open
        connections: Gauge = "http_connections", "connections" [];
    }
}

impl HttpMetrics {
    /// Counts a request that was answered.
    pub fn answered(&self, labels: HttpLabels, response_bytes: u64, took: Duration) {
        self.seconds.get_or_create(&RouteLabel { route: labels.route.clone() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&labels).inc();
        self.response_bytes.inc_by(response_bytes);
    }
}
