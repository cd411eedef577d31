//! What `alluvium bench` can be told.

use clap::Args;

use crate::config::{Size, Span};

/// The load, and against whom.
#[derive(Args, Clone, Debug)]
pub struct BenchOptions {
    /// Kafka address to connect to first
    #[arg(long, short, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    pub bootstrap: String,
    /// Kafka address that everything is produced through, whoever leads [default: the first partition's leader, and what
    /// it leads]
    #[arg(long, value_name = "HOST:PORT")]
    pub produce_to: Option<String>,
    /// Kafka address that everything is consumed from, whoever leads [default: the first partition's leader]
    #[arg(long, value_name = "HOST:PORT")]
    pub consume_from: Option<String>,
    /// HTTP address whose /metrics tell requests per GiB, where the target is Alluvium
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics: Option<String>,
    /// Process whose CPU time is reported per GiB
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// Topic; created where it does not exist [default: a new one, named after the time]
    #[arg(long, value_name = "NAME")]
    pub topic: Option<String>,
    /// Partitions of a topic that is created
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub partitions: i32,
    /// Producers, each with its own connection
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub producers: u32,
    /// Consumers, which share the partitions among them; 0 for none
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub consumers: u32,
    /// Bytes of each record's value (at least 32: it carries what the check needs)
    #[arg(long, value_name = "SIZE", default_value = "1KiB")]
    pub record_bytes: Size,
    /// Records each second in all; 0 for as fast as it goes
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub rate: u64,
    /// How long records are produced
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub duration: Span,
    /// Size that a producer's batches grow to
    #[arg(long, value_name = "SIZE", default_value = "64KiB")]
    pub batch_bytes: Size,
    /// Time a producer waits for a batch to fill
    #[arg(long, value_name = "TIME", default_value = "5ms")]
    pub batch_linger: Span,
    /// Requests that one producer has in flight
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub in_flight: u32,
    /// Acknowledgements asked for: 0, 1 or all
    #[arg(long, value_name = "ACKS", default_value = "all", value_parser = ["0", "1", "all"])]
    pub acks: String,
    /// Print the report as one line of JSON instead of a table
    #[arg(long)]
    pub json: bool,
}
