//! The APIs and features that ApiVersions lists.

use alluvium_wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::client::{client_id, code};
use crate::server::Server;

fn request() -> ApiVersionsRequest {
    ApiVersionsRequest { client_software_name: "test".into(), client_software_version: "1.0".into() }
}

fn ranges(response: &ApiVersionsResponse) -> Vec<String> {
    let range = |key: &alluvium_wire::messages::api_versions::ApiVersion| {
        format!("{}:{}-{}", key.api_key, key.min_version, key.max_version)
    };
    response.api_keys.iter().map(range).collect()
}

#[tokio::test]
async fn an_unserved_newer_version_is_answered_in_version_0_with_16_bytes() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for version in [5, 99, i16::MAX, -1] {
        client.send_frame(code(ApiKey::ApiVersions), version, 7, b"nothing that is read").await;
        let golden = [0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4];
        assert_eq!(client.receive_frame().await.unwrap(), golden.as_slice(), "version {version}");
    }
    let response = client.call(4, &request()).await;
    assert_eq!(response.error_code, ErrorCode::NONE);
}

#[tokio::test]
async fn version_0_is_answered_to_a_request_without_body() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.send_frame(code(ApiKey::ApiVersions), 0, 3, &client_id()).await;
    let frame = client.receive_frame().await.unwrap();
    assert_eq!(frame[..6], [0, 0, 0, 3, 0, 0]);
}

#[tokio::test]
async fn served_ranges_are_those_of_kafka_4_3() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let golden = "0:0-13 1:4-18 2:1-11 3:0-13 18:0-4 19:2-7 20:1-6 21:0-2 22:0-5 23:2-4 32:1-4 33:0-2 35:1-5 37:0-3 \
                  43:0-2 44:0-1 45:0-1 46:0-0 60:0-2 75:0-0";
    for version in 0..=4 {
        let served = ranges(&client.call(version, &request()).await);
        for range in golden.split_whitespace() {
            assert!(served.iter().any(|served| served == range), "{range} in version {version}: {served:?}");
        }
        assert!(served.is_sorted_by_key(|range| range.split(':').next().unwrap().parse::<i16>().unwrap()));
    }
}

#[tokio::test]
async fn apis_that_would_only_fail_are_not_listed() {
    let server = Server::start().await;
    let response = server.client().await.call(4, &request()).await;
    for absent in [17, 29, 30, 31, 36, 48, 49, 50, 51, 71, 72] {
        assert!(response.api_keys.iter().all(|key| key.api_key != absent), "{absent}");
    }
}

#[tokio::test]
async fn features_that_begin_at_0_are_hidden_from_version_3() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let names = |response: &ApiVersionsResponse| -> Vec<String> {
        response.supported_features.iter().map(|feature| feature.name.clone()).collect()
    };
    let old = client.call(3, &request()).await;
    assert_eq!(names(&old), ["metadata.version"]);
    let new = client.call(4, &request()).await;
    assert_eq!(names(&new), ["group.version", "metadata.version", "transaction.version"]);
    for response in [old, new] {
        assert_eq!(response.finalized_features_epoch, 0);
        let finalized: Vec<_> = response.finalized_features.iter().map(|feature| feature.name.as_str()).collect();
        assert_eq!(finalized, ["metadata.version", "transaction.version"]);
    }
}

#[tokio::test]
async fn a_client_must_give_a_valid_software_name() {
    let server = Server::start().await;
    let mut client = server.client().await;
    for (name, legal) in [("a", true), ("apache-kafka.java", true), ("", false), ("-a", false), ("a b", false)] {
        let request = ApiVersionsRequest { client_software_name: name.into(), ..request() };
        let expected = if legal { ErrorCode::NONE } else { ErrorCode::INVALID_REQUEST };
        assert_eq!(client.call(3, &request).await.error_code, expected, "{name:?}");
    }
}
