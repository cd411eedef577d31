//! Metrics whose values are held elsewhere and read at each scrape: a table of definitions, each with how it is read.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::{Definition, Kind};

/// A part of the process that has metrics to show.
pub trait MetricSource: Send + Sync + 'static {
    /// The values now. Names are unique over all sources.
    fn samples(&self) -> Vec<Sample>;
}

/// A metric that is read from an `S`.
#[derive(Debug)]
pub struct Metric<S> {
    /// Its name, kind, unit, labels and help text.
    pub definition: Definition,
    /// How it is read.
    pub read: Read<S>,
}

/// How a metric is read from an `S`.
#[derive(Debug)]
pub enum Read<S> {
    /// One value.
    Value(fn(&S) -> u64),
    /// One value, or nothing if it is not known.
    Optional(fn(&S) -> Option<u64>),
    /// A value for each combination of labels.
    Series(fn(&S) -> Vec<Series>),
}

/// One value of a metric with labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Values of the definition's labels, in their order.
    pub labels: Vec<String>,
    /// The value.
    pub value: i64,
}

/// A metric with its values at one scrape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its name, kind, unit, labels and help text.
    pub definition: Definition,
    /// Its values: one without labels, or one for each combination of them.
    pub series: Vec<Series>,
}

impl<S> Metric<S> {
    /// A metric that only increases.
    #[must_use]
    pub const fn counter(name: &'static str, unit: &'static str, help: &'static str, read: fn(&S) -> u64) -> Self {
        Self::new(name, Kind::Counter, unit, &[], help, Read::Value(read))
    }

    /// A metric that only increases, with a value for each combination of `labels`.
    #[must_use]
    pub const fn counters(
        name: &'static str,
        unit: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        read: fn(&S) -> Vec<Series>,
    ) -> Self {
        Self::new(name, Kind::Counter, unit, labels, help, Read::Series(read))
    }

    /// A metric that increases and decreases.
    #[must_use]
    pub const fn gauge(name: &'static str, unit: &'static str, help: &'static str, read: fn(&S) -> u64) -> Self {
        Self::new(name, Kind::Gauge, unit, &[], help, Read::Value(read))
    }

    /// A metric that increases and decreases and may be unknown.
    #[must_use]
    pub const fn optional_gauge(
        name: &'static str,
        unit: &'static str,
        help: &'static str,
        read: fn(&S) -> Option<u64>,
    ) -> Self {
        Self::new(name, Kind::Gauge, unit, &[], help, Read::Optional(read))
    }

    /// A metric that increases and decreases, with a value for each combination of `labels`.
    #[must_use]
    pub const fn gauges(
        name: &'static str,
        unit: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        read: fn(&S) -> Vec<Series>,
    ) -> Self {
        Self::new(name, Kind::Gauge, unit, labels, help, Read::Series(read))
    }

    const fn new(
        name: &'static str,
        kind: Kind,
        unit: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        read: Read<S>,
    ) -> Self {
        Self { definition: Definition { name, kind, unit, labels, help }, read }
    }

    /// Its values now.
    #[must_use]
    pub fn sample(&self, source: &S) -> Sample {
        let series = match self.read {
            Read::Value(read) => vec![Series::unlabelled(read(source))],
            Read::Optional(read) => read(source).map(Series::unlabelled).into_iter().collect(),
            Read::Series(read) => read(source),
        };
        Sample { definition: self.definition, series }
    }
}

impl Series {
    fn unlabelled(value: u64) -> Self {
        Self { labels: Vec::new(), value: i64::try_from(value).unwrap_or(i64::MAX) }
    }
}

/// The definitions of the metrics of a table.
pub fn definitions<S>(table: &[Metric<S>]) -> impl Iterator<Item = Definition> {
    table.iter().map(|metric| metric.definition)
}

/// The values of all metrics of a table. What is not known is left out.
#[must_use]
pub fn read_all<S>(table: &[Metric<S>], source: &S) -> Vec<Sample> {
    let is_known = |metric: &Metric<S>, sample: &Sample| !(sample.series.is_empty() && metric.is_optional());
    let samples = table.iter().map(|metric| (metric, metric.sample(source)));
    samples.filter(|(metric, sample)| is_known(metric, sample)).map(|(_, sample)| sample).collect()
}

impl<S> Metric<S> {
    fn is_optional(&self) -> bool {
        matches!(self.read, Read::Optional(_))
    }
}

/// Values read for one scrape, as the library encodes them.
#[derive(Debug)]
pub(super) struct Samples(pub Vec<Sample>);

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for Sample { definition: Definition { name, kind, help, labels, .. }, series } in &self.0 {
            let metric_type = if *kind == Kind::Counter { MetricType::Counter } else { MetricType::Gauge };
            let mut family = encoder.encode_descriptor(name, help, None, metric_type)?;
            for Series { labels: values, value } in series {
                if labels.is_empty() {
                    encode(*kind, *value, family)?;
                    break;
                }
                let labels: Vec<(&str, &str)> = labels.iter().copied().zip(values.iter().map(String::as_str)).collect();
                encode(*kind, *value, family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn encode(kind: Kind, value: i64, encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
    match kind {
        Kind::Counter => ConstCounter::new(value.unsigned_abs()).encode(encoder),
        Kind::Gauge | Kind::Histogram => ConstGauge::new(value).encode(encoder),
    }
}
