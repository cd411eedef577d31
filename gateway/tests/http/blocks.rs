//! Blocks as agents request them from each other, and as any client on the network could.

use alluvium_model::{ObjectId, Offset, Timestamp, object_key};
use alluvium_objects::faults::{Fault, FaultRule};

use crate::client::raw;
use crate::server::Server;

/// The key of the segment in which the first records of a partition are.
async fn segment(server: &Server) -> String {
    let partition = server.topic("orders", 1, &[]).await[0];
    let answer = server.post_json("/topics/orders", r#"{"records":[{"value":1}]}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let extent = server.agent.metastore.log.find(partition, Offset(0), 1).await.unwrap().remove(0);
    object_key::segment(extent.object)
}

async fn status(server: &Server, path: &str) -> u16 {
    server.get(&format!("/internal/v1/blocks/{path}")).await.status
}

#[tokio::test]
async fn segments_are_served_whole() {
    let server = Server::start().await;
    let key = segment(&server).await;
    let stored = server.agent.objects.get(&key).await.unwrap();
    let request = format!("GET /internal/v1/blocks/{key} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    let answer = raw(server.address, request.as_bytes()).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.ends_with(&stored));
}

#[tokio::test]
async fn only_blocks_are_served() {
    let server = Server::start().await;
    let key = segment(&server).await;
    server.agent.objects.put("secret", vec!["s".into()]).await.unwrap();
    let absent = object_key::segment(ObjectId::new(Timestamp(1), 2, 3));
    assert_eq!(status(&server, &absent).await, 404);
    for path in ["secret", "", "segments/", "../secret", "segments/%2e%2e/secret", "%ff", "segments/00/x.seg"] {
        assert!([400, 404].contains(&status(&server, path).await), "{path}");
    }
    for query in
        ["from=0", "to=1", "from=0&to=1", "from=-1&to=1", "from=a&to=b", "x=1", "from=0&to=18446744073709551615"]
    {
        assert_eq!(status(&server, &format!("{key}?{query}")).await, 400, "{query}");
    }
}

#[tokio::test]
async fn a_failing_object_store_is_reported() {
    let server = Server::start().await;
    let absent = object_key::segment(ObjectId::new(Timestamp(1), 2, 3));
    server.faults.inject(FaultRule::always(Fault::Unavailable));
    assert_eq!(status(&server, &absent).await, 503);
}
