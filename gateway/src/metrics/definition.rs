//! The definition of a metric, which `/metrics` and docs/metrics.md show.

/// The prefix of all names, followed by an underscore.
pub(super) const PREFIX: &str = "alluvium";

/// A metric, apart from its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Name without the prefix `alluvium_`, and without the `_total` that counters end with.
    pub name: &'static str,
    /// Whether it is a counter, a gauge or a histogram.
    pub kind: Kind,
    /// What its value counts: `bytes`, `seconds`, `requests` and so on.
    pub unit: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// Its meaning, one sentence without a full stop.
    pub help: &'static str,
}

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only increases.
    Counter,
    /// Increases and decreases.
    Gauge,
    /// A distribution of observations.
    Histogram,
}

impl Kind {
    /// OpenMetrics' name of the kind.
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
    /// The name that a query uses; a histogram adds `_bucket`, `_count` and `_sum`.
    #[must_use]
    pub fn full_name(&self) -> String {
        let suffix = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{PREFIX}_{}{suffix}", self.name)
    }
}
