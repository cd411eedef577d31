//! What a process prints when it is ready: its addresses and stores; for `dev`, also three commands to paste.

use std::net::SocketAddr;

use alluvium_metastore::nodes::Node;

use crate::{
    config::{Settings, StoreLocation},
    node::Addresses,
    roles::Role,
};

/// The text for a process of `role`, registered as `node`.
pub fn banner(role: Role, settings: &Settings, addresses: Addresses, node: &Node) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let Addresses { kafka, http } = addresses;
    let lines = match (role, kafka, http) {
        (Role::Dev, Some(kafka), Some(http)) if settings.metastore.is_embedded() => dev(kafka, http, &settings.store),
        (Role::Dev | Role::Gateway | Role::Compactor, kafka, http) => {
            let zone = node.zone.as_deref().map(|zone| format!(" in zone {zone}")).unwrap_or_default();
            let mut lines = format!("  node       {}{zone}, as {}\n", node.id, role.name());
            lines.extend(
                kafka
                    .zip(node.kafka.as_ref())
                    .map(|(kafka, advertised)| format!("  Kafka      {kafka}, advertised as {advertised}\n")),
            );
            lines.extend(http.map(|http| format!("  HTTP       http://{http}  (/healthz, /readyz, /metrics)\n")));
            lines + &format!("  objects    {}\n  metastore  {}\n", settings.store, settings.metastore)
        }
    };
    format!("alluvium {version} is ready\n{lines}")
}

fn dev(kafka: SocketAddr, http: SocketAddr, store: &StoreLocation) -> String {
    let history = format!("{store}/history/hello/*/*/*.parquet");
    format!(
        "  Kafka    {kafka}
  HTTP     http://{http}  (/readyz, /metrics, /topics)
  objects  {store}

  produce  curl -sH 'Content-Type: application/vnd.kafka.json.v2+json' -d '{{\"records\":[{{\"value\":\"hi\"}}]}}' \
           http://{http}/topics/hello
  consume  curl -s 'http://{http}/topics/hello/partitions/0/records?offset=0'
  query    duckdb -c \"SELECT \\\"offset\\\", timestamp, decode(value) FROM '{history}'\"

  Records become Parquet in the background; after Ctrl-C, `alluvium compactor --once` does it at once.
"
    )
}
