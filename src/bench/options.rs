//! The options of `alluvium bench`.

use clap::Args;

use crate::config::{Size, Span};

/// The load to drive, and its target.
#[derive(Args, Clone, Debug)]
pub struct BenchOptions {
    /// Kafka address to connect to first
    #[arg(long, short, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    pub bootstrap: String,
    /// Kafka address to produce all partitions through, whoever leads them [default: the first partition's leader, and
    /// only the partitions that it leads]
    #[arg(long, value_name = "HOST:PORT")]
    pub produce_to: Option<String>,
    /// Kafka address to consume all partitions from, whoever leads them [default: the first partition's leader]
    #[arg(long, value_name = "HOST:PORT")]
    pub consume_from: Option<String>,
    /// HTTP address with the /metrics to compute requests per GiB from, if the target is Alluvium
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics: Option<String>,
    /// Id of the process whose CPU time is reported per GiB
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// Topic; created if it does not exist [default: a new one with a random name]
    #[arg(long, value_name = "NAME")]
    pub topic: Option<String>,
    /// Number of partitions of a topic that is created
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub partitions: i32,
    /// Number of producers, each with its own connection
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub producers: u32,
    /// Number of consumers, among which the partitions are divided; 0 for none
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub consumers: u32,
    /// Bytes of each record's value (at least 32: it carries what the check needs)
    #[arg(long, value_name = "SIZE", default_value = "1KiB")]
    pub record_bytes: Size,
    /// Records per second of all producers together; 0 for as fast as possible
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub rate: u64,
    /// How long to produce records
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub duration: Span,
    /// Size at which a producer's batch is full
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
    /// Print a line of JSON with what happened in each such interval, while the load runs
    #[arg(long, value_name = "TIME")]
    pub every: Option<Span>,
    /// Print the report as one line of JSON instead of a table
    #[arg(long)]
    pub json: bool,
}
