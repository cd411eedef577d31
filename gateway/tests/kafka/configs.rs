//! Configs of topics and of the agent, as Kafka's tools see and alter them.

use alluvium_wire::ErrorCode;
use alluvium_wire::messages::alter_configs::{self, AlterConfigsRequest};
use alluvium_wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult,
};
use alluvium_wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};

use crate::client::Client;
use crate::server::Server;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

async fn describe(client: &mut Client, resource_type: i8, name: &str) -> DescribeConfigsResult {
    let resource = DescribeConfigsResource { resource_type, resource_name: name.into(), configuration_keys: None };
    let request =
        DescribeConfigsRequest { resources: vec![resource], include_synonyms: true, include_documentation: true };
    client.call(4, &request).await.results.remove(0)
}

async fn value(client: &mut Client, topic: &str, name: &str) -> DescribeConfigsResourceResult {
    let described = describe(client, TOPIC, topic).await;
    described.configs.into_iter().find(|config| config.name == name).unwrap()
}

async fn alter(client: &mut Client, resource: (i8, &str), configs: &[(&str, i8, Option<&str>)]) -> ErrorCode {
    let configs = configs
        .iter()
        .map(|(name, operation, value)| AlterableConfig {
            name: (*name).into(),
            config_operation: *operation,
            value: value.map(Into::into),
        })
        .collect();
    let (resource_type, resource_name) = (resource.0, resource.1.into());
    let resources = vec![AlterConfigsResource { resource_type, resource_name, configs }];
    client.call(1, &IncrementalAlterConfigsRequest { resources, validate_only: false }).await.responses[0].error_code
}

#[tokio::test]
async fn a_topic_has_all_33_configs_with_source_type_and_documentation() {
    let server = Server::start().await;
    server.topic("t", 1, &[("retention.ms", "5000")]).await;
    let mut client = server.client().await;
    let described = describe(&mut client, TOPIC, "t").await;
    assert_eq!((described.error_code, described.configs.len()), (ErrorCode::NONE, 33));
    let find = |name: &str| described.configs.iter().find(|config| config.name == name).unwrap();
    let retention = find("retention.ms");
    assert_eq!((retention.value.as_deref(), retention.config_source, retention.config_type), (Some("5000"), 1, 5));
    let synonyms = |name: &str| -> Vec<(String, Option<String>, i8)> {
        find(name).synonyms.iter().map(|one| (one.name.clone(), one.value.clone(), one.source)).collect()
    };
    // Kafka's brokers have no default for log.retention.ms: theirs is in hours.
    assert_eq!(synonyms("retention.ms"), [("retention.ms".into(), Some("5000".into()), 1)]);
    assert_eq!(synonyms("max.message.bytes"), [("message.max.bytes".into(), Some("1048588".into()), 5)]);
    let bytes = find("max.message.bytes");
    assert_eq!((bytes.value.as_deref(), bytes.config_source, bytes.config_type), (Some("1048588"), 5, 3));
    assert!(described.configs.iter().all(|config| config.documentation.as_ref().is_some_and(|doc| !doc.is_empty())));
    assert!(described.configs.iter().all(|config| !config.read_only && !config.is_sensitive));
}

#[tokio::test]
async fn every_version_describes_the_requested_keys() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    for version in 1..=4 {
        let resource = DescribeConfigsResource {
            resource_type: TOPIC,
            resource_name: "t".into(),
            configuration_keys: Some(vec!["cleanup.policy".into(), "unknown".into()]),
        };
        let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
        let response = client.call(version, &request).await;
        assert_eq!(response.results[0].configs.len(), 1);
        assert_eq!(response.results[0].configs[0].value.as_deref(), Some("delete"));
        assert!(response.results[0].configs[0].synonyms.is_empty());
    }
}

#[tokio::test]
async fn unknown_resources_are_errors() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for (resource_type, name, expected) in [
        (TOPIC, "no", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        (TOPIC, "a b", ErrorCode::INVALID_TOPIC_EXCEPTION),
        (BROKER, "7", ErrorCode::INVALID_REQUEST),
        (BROKER, "x", ErrorCode::INVALID_REQUEST),
        (3, "t", ErrorCode::INVALID_REQUEST),
    ] {
        assert_eq!(describe(&mut client, resource_type, name).await.error_code, expected, "{resource_type} {name}");
    }
}

#[tokio::test]
async fn the_agent_shows_what_tools_read() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let described = describe(&mut client, BROKER, "0").await;
    let value = |name: &str| {
        let config = described.configs.iter().find(|config| config.name == name);
        config.unwrap_or_else(|| panic!("{name}")).value.clone().unwrap()
    };
    assert_eq!(value("delete.topic.enable"), "true");
    assert_eq!(value("auto.create.topics.enable"), "true");
    assert_eq!(value("log.retention.ms"), "604800000");
    assert_eq!(value("node.id"), "0");
    assert!(described.configs.is_sorted_by_key(|config| config.name.clone()));
    assert!(describe(&mut client, BROKER, "").await.configs.is_empty());
}

#[tokio::test]
async fn configs_are_set_deleted_appended_to_and_subtracted_from() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let t = (TOPIC, "t");
    assert_eq!(alter(&mut client, t, &[("retention.ms", 0, Some("77"))]).await, ErrorCode::NONE);
    assert_eq!(value(&mut client, "t", "retention.ms").await.value.as_deref(), Some("77"));
    let metadata_cache = server.agent.metadata_cache.topic_by_name("t").unwrap();
    assert_eq!(metadata_cache.configs.retention, Some(std::time::Duration::from_millis(77)));
    assert_eq!(alter(&mut client, t, &[("retention.ms", 1, None)]).await, ErrorCode::NONE);
    assert_eq!(value(&mut client, "t", "retention.ms").await.config_source, 5);
    assert_eq!(alter(&mut client, t, &[("cleanup.policy", 2, Some("compact"))]).await, ErrorCode::NONE);
    assert_eq!(value(&mut client, "t", "cleanup.policy").await.value.as_deref(), Some("delete,compact"));
    assert_eq!(alter(&mut client, t, &[("cleanup.policy", 3, Some("delete"))]).await, ErrorCode::NONE);
    assert_eq!(value(&mut client, "t", "cleanup.policy").await.value.as_deref(), Some("compact"));
}

#[tokio::test]
async fn invalid_alterations_change_nothing() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let set = |name, value| (name, 0, Some(value));
    for (resource, configs, expected) in [
        ((TOPIC, "t"), vec![set("retention.ms", "x")], ErrorCode::INVALID_CONFIG),
        ((TOPIC, "t"), vec![set("retention.ms", "1"), set("no.such", "x")], ErrorCode::INVALID_CONFIG),
        ((TOPIC, "t"), vec![("retention.ms", 2, Some("1"))], ErrorCode::INVALID_CONFIG),
        ((TOPIC, "t"), vec![set("retention.ms", "1"), set("retention.ms", "2")], ErrorCode::INVALID_REQUEST),
        ((TOPIC, "t"), vec![("retention.ms", 0, None)], ErrorCode::INVALID_REQUEST),
        ((TOPIC, "t"), vec![("retention.ms", 9, Some("1"))], ErrorCode::INVALID_REQUEST),
        ((TOPIC, "no"), vec![set("retention.ms", "1")], ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        ((BROKER, "0"), vec![set("log.retention.ms", "1")], ErrorCode::INVALID_CONFIG),
        ((3, "t"), vec![set("retention.ms", "1")], ErrorCode::INVALID_REQUEST),
    ] {
        assert_eq!(alter(&mut client, resource, &configs).await, expected, "{resource:?} {configs:?}");
    }
    assert_eq!(value(&mut client, "t", "retention.ms").await.config_source, 5);
}

#[tokio::test]
async fn alter_configs_replaces_all_overrides() {
    let server = Server::start().await;
    server.topic("t", 1, &[("retention.ms", "1"), ("segment.ms", "2")]).await;
    let mut client = server.client().await;
    for version in 0..=2 {
        let configs = vec![alter_configs::AlterableConfig { name: "retention.ms".into(), value: Some("9".into()) }];
        let resource = alter_configs::AlterConfigsResource { resource_type: TOPIC, resource_name: "t".into(), configs };
        let request = AlterConfigsRequest { resources: vec![resource], validate_only: false };
        assert_eq!(client.call(version, &request).await.responses[0].error_code, ErrorCode::NONE);
        assert_eq!(value(&mut client, "t", "retention.ms").await.value.as_deref(), Some("9"));
        assert_eq!(value(&mut client, "t", "segment.ms").await.config_source, 5);
    }
}

#[tokio::test]
async fn an_alteration_that_is_only_validated_is_not_made() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let config = AlterableConfig { name: "retention.ms".into(), config_operation: 0, value: Some("1".into()) };
    let resource = AlterConfigsResource { resource_type: TOPIC, resource_name: "t".into(), configs: vec![config] };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: true };
    assert_eq!(client.call(0, &request).await.responses[0].error_code, ErrorCode::NONE);
    assert_eq!(value(&mut client, "t", "retention.ms").await.config_source, 5);
}

#[tokio::test]
async fn a_resource_named_many_times_is_described_once() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let mut client = server.client().await;
    let resource = |name: &str| DescribeConfigsResource {
        resource_type: TOPIC,
        resource_name: name.into(),
        configuration_keys: None,
    };
    let resources = vec![resource("t"), resource("t"), resource("u"), resource("t")];
    let request = DescribeConfigsRequest { resources, ..Default::default() };
    let response = client.call(4, &request).await;
    let names: Vec<_> = response.results.iter().map(|result| result.resource_name.as_str()).collect();
    assert_eq!(names, ["t", "u"]);
}
