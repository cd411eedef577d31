//! Nodes, under faults and in virtual time.

mod registration;
mod rows;
mod sessions;

use alluvium_model::Timestamp;

use super::*;

pub(super) const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// What an agent in `zone` registers with.
pub(super) fn agent(id: Option<i32>, zone: Option<&str>) -> NewNode {
    NewNode {
        id: id.map(alluvium_model::AgentId),
        zone: zone.map(ToOwned::to_owned),
        kafka: Some(Endpoint { host: "localhost".to_owned(), port: 9092 }),
        http: Some(Endpoint { host: "localhost".to_owned(), port: 8080 }),
        compacts: false,
        version: "1.2.3".to_owned(),
        ..NewNode::default()
    }
}

/// Waits until `holds`, for at most a minute of (virtual) time.
pub(super) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("not within a minute: {what}");
}
