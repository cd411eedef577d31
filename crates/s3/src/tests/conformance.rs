//! The conformance suite of object storage on a real S3 server.

use std::time::{SystemTime, UNIX_EPOCH};

use alluvium_objects::ObjectsConfig;
use alluvium_objects::conformance::conforms;

use crate::{S3Location, open};

/// Needs an endpoint (`ALLUVIUM_TEST_S3_ENDPOINT`), an existing bucket (`ALLUVIUM_TEST_S3_BUCKET`, default
/// `alluvium-test`) and credentials of the AWS chain.
#[tokio::test]
#[ignore = "needs a real S3 server: ALLUVIUM_TEST_S3_ENDPOINT; the client matrix runs it"]
#[expect(clippy::disallowed_methods, reason = "each run on a bucket that stays has a prefix of its own")]
async fn a_bucket_conforms() {
    let endpoint = std::env::var("ALLUVIUM_TEST_S3_ENDPOINT").unwrap();
    let bucket = std::env::var("ALLUVIUM_TEST_S3_BUCKET").unwrap_or_else(|_| "alluvium-test".to_owned());
    let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let there = S3Location {
        prefix: format!("conformance/{run}"),
        endpoint: Some(endpoint),
        allow_http: true,
        ..S3Location::new(bucket)
    };
    // An absent bucket is tested with canned responses: SeaweedFS creates it at once for an administrator.
    conforms(open(&there, ObjectsConfig::default()).await.unwrap()).await;
}
