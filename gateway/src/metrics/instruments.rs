//! Metrics that are counted as events happen: each is one field of a struct, declared together with its definition.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Metric;

use super::Kind;

/// A type that a field of [`instruments!`] can have.
pub(super) trait Instrument: Metric + Clone {
    const KIND: Kind;
    fn create() -> Self;
}

impl Instrument for Counter {
    const KIND: Kind = Kind::Counter;

    fn create() -> Self {
        Self::default()
    }
}

impl Instrument for Gauge {
    const KIND: Kind = Kind::Gauge;

    fn create() -> Self {
        Self::default()
    }
}

impl Instrument for Histogram {
    const KIND: Kind = Kind::Histogram;

    /// Buckets in seconds, from 0.5 ms to about 16 s.
    fn create() -> Self {
        Self::new(exponential_buckets(0.000_5, 2.0, 16))
    }
}

/// A histogram for each combination of labels.
pub type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

impl<L: Labels> Instrument for Family<L, Counter> {
    const KIND: Kind = Kind::Counter;

    fn create() -> Self {
        Self::default()
    }
}

impl<L: Labels> Instrument for Histograms<L> {
    const KIND: Kind = Kind::Histogram;

    fn create() -> Self {
        Self::new_with_constructor(Histogram::create)
    }
}

/// The traits that the labels of a family of metrics need.
pub(super) trait Labels:
    Clone + std::hash::Hash + Eq + EncodeLabelSet + std::fmt::Debug + Send + Sync + 'static
{
}

impl<L: Clone + std::hash::Hash + Eq + EncodeLabelSet + std::fmt::Debug + Send + Sync + 'static> Labels for L {}

/// Declares a set of metrics. The comment of a field is the help text of its metric:
///
/// ```text
/// /// Help text
/// field: Type = "name", "unit" ["label", ..];
/// ```
macro_rules! instruments {
    (
        $(#[$($attribute:tt)*])*
        pub struct $set:ident {
            $(#[doc = $help:literal] $field:ident: $type:ty = $name:literal, $unit:literal [$($label:literal),*];)*
        }
        $(sets { $($(#[$($set_attribute:tt)*])* $part:ident: $part_type:ty;)* })?
    ) => {
        $(#[$($attribute)*])*
        #[derive(Clone, Debug)]
        pub struct $set {
            $(#[doc = $help] pub $field: $type,)*
            $($($(#[$($set_attribute)*])* pub $part: $part_type,)*)?
        }

        impl Default for $set {
            fn default() -> Self {
                Self {
                    $($field: <$type as $crate::metrics::instruments::Instrument>::create(),)*
                    $($($part: <$part_type>::default(),)*)?
                }
            }
        }

        impl $set {
            /// The definitions of the metrics of this set, without those of nested sets.
            pub const DEFINITIONS: &[$crate::metrics::Definition] = &[$($crate::metrics::Definition {
                name: $name,
                kind: <$type as $crate::metrics::instruments::Instrument>::KIND,
                unit: $unit,
                labels: &[$($label),*],
                help: $help.trim_ascii(),
            },)*];

            pub(super) fn register(&self, registry: &mut prometheus_client::registry::Registry) {
                $(registry.register($name, $help.trim_ascii(), self.$field.clone());)*
                $($(self.$part.register(registry);)*)?
            }
        }
    };
}
pub(super) use instruments;
