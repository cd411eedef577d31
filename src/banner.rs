//! What `dev` prints when it is ready: where it listens, and three lines to paste.

use std::net::SocketAddr;

use alluvium_objects::StoreLocation;

/// The text for people.
pub fn banner(kafka: SocketAddr, http: SocketAddr, store: &StoreLocation) -> String {
    let history = format!("{store}/history/hello/*/*/*.parquet");
    format!(
        "\
alluvium {version} is ready
  Kafka    {kafka}
  HTTP     http://{http}  (/readyz, /metrics, /topics)
  objects  {store}

  produce  curl -sH 'Content-Type: application/vnd.kafka.json.v2+json' -d '{{\"records\":[{{\"value\":\"hi\"}}]}}' http://{http}/topics/hello
  consume  curl -s 'http://{http}/topics/hello/partitions/0/records?offset=0'
  query    duckdb -c \"SELECT \\\"offset\\\", timestamp, decode(value) FROM '{history}'\"

  Records become Parquet in the background; after Ctrl-C, `alluvium compact --once` does it at once.
",
        version = env!("CARGO_PKG_VERSION"),
    )
}
