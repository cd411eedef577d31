//! `alluvium bench`: a load against any Kafka address, checked and measured.

mod options;

pub use options::BenchOptions;
