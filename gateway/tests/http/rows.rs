//! `GET /internal/v1/metastore/rows`.

use crate::server::Server;

#[tokio::test]
async fn rows_of_heads_and_extents_are_counted() {
    let server = Server::start().await;
    server.topic("orders", 3, &[]).await;
    assert_eq!(server.post_json("/topics/orders/partitions/0", r#"{"records":[{"value":1}]}"#).await.status, 200);
    let answer = server.get("/internal/v1/metastore/rows").await;
    assert_eq!(answer.status, 200);
    let counted = answer.json();
    assert_eq!(counted["rows"]["0x20"]["count"], 3, "{counted}");
    assert_eq!(counted["rows"]["0x21"]["count"], 1, "{counted}");
    assert_eq!(counted["level_0"]["count"], 1, "{counted}");
    assert!(counted["level_0"]["bytes"].as_u64().expect("a number") > 60, "{counted}");
    assert_eq!(counted["history"]["count"], 0, "{counted}");
    assert_eq!(counted["is_complete"], true);
}
