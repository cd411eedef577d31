//! `GET /metrics`.

use std::collections::BTreeMap;

use alluvium_gateway::groups::{Committer, NewOffset};
use alluvium_gateway::http::metric_definitions;
use alluvium_gateway::metrics::Definition;
use alluvium_model::Offset;

use crate::server::Server;

async fn scrape(server: &Server) -> String {
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.content_type(), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    answer.body
}

fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn every_name_has_one_family_and_the_text_has_an_end() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    assert_eq!(server.post_json("/topics/orders", r#"{"records":[{"value":1}]}"#).await.status, 200);
    let text = scrape(&server).await;
    assert!(text.ends_with("# EOF\n"));
    assert_eq!(text.matches("# EOF").count(), 1);
    let mut families: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(families.iter().all(|family| family.starts_with("alluvium_")));
    let count = families.len();
    families.sort_unstable();
    families.dedup_by_key(|family| family.split(' ').next().unwrap().to_owned());
    assert_eq!(families.len(), count, "{families:#?}");
}

#[tokio::test]
async fn the_metrics_that_the_load_tool_reads_have_their_names() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    let names = ["alluvium_object_puts_total", "alluvium_object_gets_total", "alluvium_log_commits_total"];
    let before = scrape(&server).await;
    assert_eq!(names.map(|name| value(&before, name)), [Some(0.0), Some(0.0), Some(0.0)]);
    assert_eq!(server.post_json("/topics/orders", r#"{"records":[{"value":1}]}"#).await.status, 200);
    let after = scrape(&server).await;
    assert_eq!(names.map(|name| value(&after, name)), [Some(1.0), Some(0.0), Some(1.0)]);
}

#[tokio::test]
async fn documented_metrics_are_counted() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    server.post_json("/topics/orders", r#"{"records":[{"value":1}]}"#).await;
    server.get("/nowhere").await;
    // As the Kafka listener counts them; kinds of requests that never came are not shown.
    server.agent.metrics.request("Produce", 3, std::time::Duration::from_millis(1));
    let text = scrape(&server).await;
    for name in [
        "alluvium_requests",
        "alluvium_request_seconds",
        "alluvium_request_bytes",
        "alluvium_response_bytes",
        "alluvium_http_requests",
        "alluvium_http_request_seconds",
        "alluvium_http_request_bytes",
        "alluvium_http_response_bytes",
        "alluvium_http_connections",
        "alluvium_connections",
        "alluvium_segments",
        "alluvium_upload_seconds",
        "alluvium_commit_seconds",
        "alluvium_object_put_bytes",
        "alluvium_object_get_bytes",
        "alluvium_object_retries",
        "alluvium_cache_hits",
        "alluvium_cache_misses",
        "alluvium_backpressure_waits",
        "alluvium_unflushed_bytes",
        "alluvium_kv_commits",
        "alluvium_kv_rows_written",
        "alluvium_kv_batches",
        "alluvium_kv_file_bytes",
        "alluvium_groups",
        "alluvium_group_rebalances",
        "alluvium_group_members_expired",
        "alluvium_groups_lost",
        "alluvium_view_lag_milliseconds",
        "alluvium_history_decodes",
        "alluvium_answer_bytes",
        "alluvium_compaction_lag_bytes",
        "alluvium_partition_high_watermark",
        "alluvium_partition_log_start_offset",
        "alluvium_consumer_group_lag",
        "alluvium_series_omitted",
    ] {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} is missing:\n{text}");
    }
    assert_eq!(value(&text, "alluvium_compaction_lag_bytes"), Some(4_711.0));
    let produced = r#"alluvium_http_requests_total{method="POST",route="/topics/{topic}",status="200"}"#;
    assert_eq!(value(&text, produced), Some(1.0), "{text}");
    assert_eq!(value(&text, r#"alluvium_requests_total{api="Produce",error="3"}"#), Some(1.0), "{text}");
    let unknown = r#"alluvium_http_requests_total{method="GET",route="",status="404"}"#;
    assert_eq!(value(&text, unknown), Some(1.0), "{text}");
}

#[tokio::test]
async fn every_family_is_declared_with_its_type_and_labels() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    server.post_json("/topics/orders", r#"{"records":[{"value":1}]}"#).await;
    server.agent.metrics.request("Produce", 3, std::time::Duration::from_millis(1));
    let text = scrape(&server).await;
    let declared: BTreeMap<String, Definition> =
        metric_definitions().into_iter().map(|metric| (format!("alluvium_{}", metric.name), metric)).collect();
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    for (family, kind) in families.filter(|(family, _)| *family != "alluvium_compaction_lag_bytes") {
        let metric = declared.get(family).unwrap_or_else(|| panic!("{family} is not declared"));
        assert_eq!(kind, metric.kind.name(), "{family}");
        for line in text.lines().filter(|line| line.starts_with(&format!("{}{{", metric.full_name()))) {
            for label in metric.labels {
                assert!(line.contains(&format!("{label}=\"")), "{line} has no label {label}");
            }
        }
    }
}

#[tokio::test]
async fn logs_and_groups_have_their_positions() {
    let server = Server::start().await;
    let partitions = server.topic("orders", 2, &[]).await;
    let body = r#"{"records":[{"value":1},{"value":2},{"value":3}]}"#;
    assert_eq!(server.post_json("/topics/orders/partitions/1", body).await.status, 200);
    let offset = NewOffset { offset: Offset(1), leader_epoch: None, metadata: String::new(), retention: None };
    let group = "billing \"eu\"\n";
    let committed = server.agent.groups.offset_commit(group, Committer::default(), vec![(partitions[1], offset)]).await;
    assert_eq!(committed, Ok(vec![Ok(())]));
    let text = scrape(&server).await;
    for (series, expected) in [
        (r#"alluvium_partition_high_watermark{topic="orders",partition="0"}"#, 0.0),
        (r#"alluvium_partition_high_watermark{topic="orders",partition="1"}"#, 3.0),
        (r#"alluvium_partition_log_start_offset{topic="orders",partition="1"}"#, 0.0),
        (r#"alluvium_consumer_group_committed_offset{group="billing \"eu\"\n",topic="orders",partition="1"}"#, 1.0),
        (r#"alluvium_consumer_group_lag{group="billing \"eu\"\n",topic="orders",partition="1"}"#, 2.0),
        ("alluvium_series_omitted", 0.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}:\n{text}");
    }
}

#[tokio::test]
async fn a_scrape_shows_a_limited_number_of_partitions_and_counts_the_others() {
    let server = Server::start().await;
    server.topic("large", 9_999, &[]).await;
    server.topic("more", 3, &[]).await;
    let text = scrape(&server).await;
    assert_eq!(text.matches("\nalluvium_partition_high_watermark{").count(), 10_000);
    assert_eq!(value(&text, "alluvium_series_omitted"), Some(2.0));
}
