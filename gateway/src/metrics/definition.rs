//! What is said of a metric wherever it is declared: on `/metrics` and in docs/metrics.md.

/// What all names begin with, followed by an underscore.
pub(super) const PREFIX: &str = "alluvium";

/// A metric, apart from its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Name without the prefix `alluvium_`, and without the `_total` that counters end with.
    pub name: &'static str,
    /// How its value moves.
    pub kind: Kind,
    /// What its value counts: `bytes`, `seconds`, `requests` and so on.
    pub unit: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// Its meaning, one sentence without a full stop.
    pub help: &'static str,
}

/// How the value of a metric moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only up.
    Counter,
    /// Up and down.
    Gauge,
    /// A distribution of observations.
    Histogram,
}

impl Kind {
    /// As OpenMetrics calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Definition {
    /// The name that a query uses; a histogram has `_bucket`, `_count` and `_sum` behind it.
    #[must_use]
    pub fn full_name(&self) -> String {
        let suffix = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{PREFIX}_{}{suffix}", self.name)
    }
}
