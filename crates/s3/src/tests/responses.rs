//! Classification of an S3 server's responses. object_store hides their types, so these tests pin the texts that we
//! match.

use std::sync::Arc;
use std::time::Duration;

use alluvium_objects::conformance::parts;
use alluvium_objects::{Error, ErrorKind, Objects, ObjectsConfig, RetryPolicy};
use object_store::StaticCredentialProvider;
use object_store::aws::AwsCredential;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::S3Location;
use crate::open::bucket_store;

/// A bucket at `endpoint`, without retries.
fn bucket(endpoint: &str) -> Objects {
    let location = S3Location { allow_http: true, ..S3Location::new("bucket") };
    let credential = AwsCredential { key_id: "id".to_owned(), secret_key: "secret".to_owned(), token: None };
    let credentials = Arc::new(StaticCredentialProvider::new(credential));
    let store = bucket_store(&location, Some(endpoint), "us-east-1", credentials).unwrap();
    let retry = RetryPolicy { tries: 1, try_timeout: Duration::from_secs(60), ..RetryPolicy::default() };
    Objects::new(Arc::new(store), "", ObjectsConfig { retry, hedge_after: None, ..ObjectsConfig::default() })
}

/// A bucket whose server sends `response` to every request and closes the connection.
async fn responding(response: &'static str) -> Objects {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(response.as_bytes()).await;
        }
    });
    bucket(&endpoint)
}

async fn failures(response: &'static str) -> [Error; 4] {
    let objects = responding(response).await;
    [
        objects.put("k", parts("v")).await.unwrap_err(),
        objects.get_range("k", 0..4).await.unwrap_err(),
        objects.list("p", None, 1).await.unwrap_err(),
        objects.delete(&["k".to_owned()]).await.unwrap_err(),
    ]
}

macro_rules! response {
    ($status:literal, $body:literal) => {
        concat!("HTTP/1.1 ", $status, "\r\nconnection: close\r\n\r\n", $body)
    };
}

#[tokio::test]
async fn every_response_has_its_kind() {
    for (response, kind) in [
        (response!("503 Slow Down", "<Code>SlowDown</Code>"), ErrorKind::Unavailable),
        (response!("500 Internal Server Error", ""), ErrorKind::Unavailable),
        (response!("429 Too Many Requests", ""), ErrorKind::Unavailable),
        (response!("404 Not Found", "<Code>NoSuchBucket</Code>"), ErrorKind::NoSuchBucket),
        (response!("403 Forbidden", "<Code>AccessDenied</Code>"), ErrorKind::Denied),
        (response!("401 Unauthorized", ""), ErrorKind::Denied),
        (response!("400 Bad Request", "<Code>ExpiredToken</Code>"), ErrorKind::Denied),
        (response!("400 Bad Request", "<Code>InvalidRequest</Code>"), ErrorKind::Invalid),
        (response!("301 Moved Permanently", ""), ErrorKind::Invalid),
        (response!("507 Insufficient Storage", ""), ErrorKind::Full),
        ("", ErrorKind::Unavailable),
        ("garbage\r\n\r\n", ErrorKind::Unavailable),
    ] {
        for error in failures(response).await {
            assert_eq!(error.kind, kind, "{response}: {error}");
        }
    }
}

#[tokio::test]
async fn an_absent_object_is_not_an_absent_bucket() {
    let objects = responding(response!("404 Not Found", "<Code>NoSuchKey</Code>")).await;
    assert_eq!(objects.get_range("k", 0..4).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(objects.head("k").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_body_that_ends_early_is_cut_short() {
    let response = "HTTP/1.1 206 Partial Content\r\ncontent-length: 4\r\ncontent-range: bytes 0-3/10\r\n\
        last-modified: Thu, 01 Jan 2026 00:00:00 GMT\r\netag: \"x\"\r\n\r\nab";
    let error = responding(response).await.get_range("k", 0..4).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::CutShort, "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = bucket(&endpoint).put("k", parts("v")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
}
