//! Opens a store by its location.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredentialProvider};
use object_store::memory::InMemory;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::aws_http::CredentialHttpClient;
use crate::credentials::AwsChain;
use crate::local_store::LocalStore;
use crate::{Error, ErrorKind, Objects, ObjectsConfig, Operation, S3Location, StoreLocation, tls, unfinished_uploads};

/// The region if the server has none.
const REGION_DEFAULT: &str = "us-east-1";
/// Timeout of connecting; a server that is up accepts within milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the store at `location`. A directory is created if it does not exist; a bucket gets its first request from
/// [`Objects::check`].
pub async fn open(location: &StoreLocation, config: ObjectsConfig) -> Result<Objects, Error> {
    match location {
        StoreLocation::Memory => Ok(Objects::new(Arc::new(InMemory::new()), "", config)),
        StoreLocation::Local { directory } => {
            let directory = directory.clone();
            let opened = tokio::task::spawn_blocking(move || open_directory(&directory)).await;
            let store = opened.map_err(|error| open_error(ErrorKind::Other, location, error))??;
            // A hedged read does not make a disk faster.
            Ok(Objects::new(store, "", ObjectsConfig { hedge_after: None, ..config }))
        }
        StoreLocation::S3(bucket) => {
            let store = Arc::new(open_bucket(bucket).await?);
            let config = ObjectsConfig { lists_in_order: true, ..config };
            Ok(Objects::new(store, &bucket.prefix, config))
        }
    }
}

fn open_error(kind: ErrorKind, location: &StoreLocation, reason: impl ToString) -> Error {
    Error::new(kind, Operation::Open, &location.to_string(), reason.to_string())
}

fn open_directory(directory: &Path) -> Result<Arc<dyn ObjectStore>, Error> {
    let name = directory.to_string_lossy();
    std::fs::create_dir_all(directory).map_err(|error| Error::from_io(Operation::Open, &name, &error))?;
    unfinished_uploads::remove(directory);
    let store = LocalStore::new(directory).map_err(|error| Error::from_store(Operation::Open, &name, &error))?;
    Ok(Arc::new(store))
}

pub(crate) async fn open_bucket(bucket: &S3Location) -> Result<AmazonS3, Error> {
    let aws = load_aws(bucket).await?;
    let endpoint = bucket.endpoint.as_deref().or(aws.endpoint_url());
    let region = aws.region().map_or(REGION_DEFAULT, Region::as_ref);
    let credentials = Arc::new(AwsChain::new(aws.credentials_provider()));
    bucket_store(bucket, endpoint, region, credentials)
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
        .with_retry(retry)
        .with_credentials(credentials);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint_of(bucket, endpoint));
    }
    let location = StoreLocation::S3(bucket.clone());
    builder.build().map_err(|error| open_error(ErrorKind::Invalid, &location, error))
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
    let http = CredentialHttpClient::new()
        .map_err(|error| open_error(ErrorKind::Invalid, &StoreLocation::S3(bucket.clone()), error))?;
    let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
    let elsewhere = bucket.endpoint.as_ref().map(|_| REGION_DEFAULT.to_owned());
    Ok(match bucket.region.clone().or(elsewhere) {
        Some(region) => loader.region(Region::new(region)).load().await,
        None => loader.load().await,
    })
}
