//! Opens a bucket.

use std::sync::Arc;
use std::time::Duration;

use alluvium_objects::{Error, ErrorKind, Objects, ObjectsConfig, Operation};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredentialProvider};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use crate::aws_http::CredentialHttpClient;
use crate::connections::ConnectorPerRuntime;
use crate::credentials::AwsChain;
use crate::{S3Location, tls};

/// The region if the server has none.
const REGION_DEFAULT: &str = "us-east-1";
/// Timeout of connecting; a server that is up accepts within milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the objects at `location`. The bucket gets its first request from [`Objects::check`].
///
/// # Errors
/// If the location is invalid, or TLS cannot be set up.
pub async fn open(location: &S3Location, config: ObjectsConfig) -> Result<Objects, Error> {
    let store = Arc::new(open_bucket(location).await?);
    // A bucket lists keys in order, so that a page can stop early.
    let config = ObjectsConfig { lists_in_order: true, ..config };
    Ok(Objects::new(store, &location.prefix, config))
}

pub(crate) async fn open_bucket(bucket: &S3Location) -> Result<AmazonS3, Error> {
    let aws = load_aws(bucket).await?;
    let endpoint = bucket.endpoint.as_deref().or(aws.endpoint_url());
    let region = aws.region().map_or(REGION_DEFAULT, Region::as_ref);
    let credentials = Arc::new(AwsChain::new(aws.credentials_provider()));
    bucket_store(bucket, endpoint, region, credentials)
}

fn open_error(bucket: &S3Location, reason: impl ToString) -> Error {
    Error::new(ErrorKind::Invalid, Operation::Open, &bucket.to_string(), reason.to_string())
}

pub(crate) fn bucket_store(
    bucket: &S3Location,
    endpoint: Option<&str>,
    region: &str,
    credentials: AwsCredentialProvider,
) -> Result<AmazonS3, Error> {
    tls::install_provider();
    // Our own deadlines and retries apply; allow_http belongs here, since with_client_options replaces it.
    let client = ClientOptions::new()
        .with_allow_http(bucket.allow_http)
        .with_timeout_disabled()
        .with_connect_timeout(CONNECT_TIMEOUT);
    let retry = RetryConfig { max_retries: 0, backoff: BackoffConfig::default(), retry_timeout: CONNECT_TIMEOUT };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&bucket.bucket)
        .with_region(region)
        .with_virtual_hosted_style_request(!bucket.path_style)
        .with_client_options(client)
        .with_http_connector(ConnectorPerRuntime::default())
        .with_retry(retry)
        .with_credentials(credentials);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint_of(bucket, endpoint));
    }
    builder.build().map_err(|error| open_error(bucket, error))
}

/// The bucket's endpoint: the bucket is in the host name, unless it is in the path.
fn endpoint_of(bucket: &S3Location, endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    match endpoint.split_once("://") {
        Some((scheme, host)) if !bucket.path_style => format!("{scheme}://{}.{host}", bucket.bucket),
        _ => endpoint.to_owned(),
    }
}

/// The AWS configuration. The instance metadata service is queried for a region only if the store is AWS itself.
async fn load_aws(bucket: &S3Location) -> Result<SdkConfig, Error> {
    let http = CredentialHttpClient::new().map_err(|error| open_error(bucket, error))?;
    let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
    let elsewhere = bucket.endpoint.as_ref().map(|_| REGION_DEFAULT.to_owned());
    Ok(match bucket.region.clone().or(elsewhere) {
        Some(region) => loader.region(Region::new(region)).load().await,
        None => loader.load().await,
    })
}
