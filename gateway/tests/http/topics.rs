//! Topics and their partitions.

use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn topics_are_listed_by_name() {
    let server = Server::start().await;
    assert_eq!(server.get("/topics").await.json(), json!([]));
    server.topic("b", 1, &[]).await;
    server.topic("a", 1, &[]).await;
    let answer = server.get("/topics").await;
    assert_eq!(answer.json(), json!(["a", "b"]));
    assert_eq!(answer.content_type(), "application/vnd.kafka.v2+json");
}

#[tokio::test]
async fn a_topic_is_described_with_its_configs_and_partitions() {
    let server = Server::start().await;
    server.topic("orders", 2, &[("retention.ms", "1000")]).await;
    let partition =
        |n| json!({"partition": n, "leader": 0, "replicas": [{"broker": 0, "leader": true, "in_sync": true}]});
    let described = server.get("/topics/orders").await.json();
    assert_eq!(described["name"], "orders");
    assert_eq!(described["configs"]["retention.ms"], "1000");
    assert_eq!(described["configs"]["cleanup.policy"], "delete");
    assert_eq!(described["partitions"], json!([partition(0), partition(1)]));
    assert_eq!(server.get("/topics/orders/partitions").await.json(), described["partitions"]);
    assert_eq!(server.get("/topics/orders/partitions/1").await.json(), partition(1));
}

#[tokio::test]
async fn unknown_topics_are_not_found() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    for path in ["/topics/none", "/topics/none/partitions", "/topics/none/partitions/0", "/topics/%ff"] {
        assert_eq!(server.get(path).await.error(), (404, 40401, "Topic not found.".into()), "{path}");
    }
    assert_eq!(server.get("/topics/orders/partitions/1").await.error(), (404, 40402, "Partition not found.".into()));
}
