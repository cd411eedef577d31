//! Reads a bucket's settings by signed requests to the bucket itself.

use std::time::Duration;

use alluvium_objects::{Error, ErrorKind, Operation};
use futures::TryStreamExt;
use object_store::ClientOptions;
use object_store::aws::AmazonS3;
use object_store::client::{HttpClient, HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{LifecycleRule, xml};
use crate::S3Location;
use crate::open::open_bucket;

/// Timeout of one request; a bucket's settings are small.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Lifetime of a signature: as long as a request may be under way.
const SIGNATURE_LIFETIME: Duration = Duration::from_secs(60);
/// A thousand lifecycle rules, the most that S3 allows, are some hundred kilobytes.
const RESPONSE_BYTES_MAX: usize = 4 << 20;

/// A setting of a bucket, as far as it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting<T> {
    /// The setting's value.
    Known(T),
    /// Why it could not be read: many S3-compatible servers lack the call, and many credentials lack the permission.
    Unknown(String),
}

/// Whether the bucket keeps deleted and overwritten objects as older versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versioning {
    /// It never did, or versioning is suspended.
    Off,
    /// Versioning is enabled.
    On,
}

/// The settings of one bucket; each is read on demand.
#[derive(Debug)]
pub struct BucketSettings {
    bucket: AmazonS3,
    client: HttpClient,
}

/// Status and body of a response.
struct Response {
    status: u16,
    body: String,
}

impl BucketSettings {
    /// Prepares the client; no request is sent yet.
    pub async fn of(location: &S3Location) -> Result<Self, Error> {
        let invalid = |error: object_store::Error| {
            Error::new(ErrorKind::Invalid, Operation::Open, &location.bucket, error.to_string())
        };
        let options = ClientOptions::new().with_allow_http(location.allow_http).with_timeout(REQUEST_TIMEOUT);
        let client = ReqwestConnector::default().connect(&options).map_err(invalid)?;
        Ok(Self { bucket: open_bucket(location).await?, client })
    }

    /// The rules by which the bucket deletes and moves objects; empty if there is no such configuration.
    pub async fn lifecycle(&self) -> Setting<Vec<LifecycleRule>> {
        let rules = |parsed: &xml::Lifecycle| parsed.rules.iter().map(LifecycleRule::from).collect();
        self.read("lifecycle", "s3:GetLifecycleConfiguration", "NoSuchLifecycleConfiguration", rules, Vec::new()).await
    }

    /// Whether the bucket keeps older versions.
    pub async fn versioning(&self) -> Setting<Versioning> {
        let state = |parsed: &xml::VersioningConfiguration| {
            if parsed.status.as_deref() == Some("Enabled") { Versioning::On } else { Versioning::Off }
        };
        self.read("versioning", "s3:GetBucketVersioning", "NoSuchVersioning", state, Versioning::Off).await
    }

    /// Whether new objects are locked against deletion by default.
    pub async fn locks_new_objects(&self) -> Setting<bool> {
        let locks = |parsed: &xml::ObjectLock| parsed.rule.is_some();
        let absent = "ObjectLockConfigurationNotFoundError";
        self.read("object-lock", "s3:GetBucketObjectLockConfiguration", absent, locks, false).await
    }

    /// Reads `setting`. An error response with the code `absent` means that it is not set, so it has its `default`.
    async fn read<X: DeserializeOwned, T>(
        &self,
        setting: &str,
        permission: &str,
        absent: &str,
        meaning: impl Fn(&X) -> T,
        default: T,
    ) -> Setting<T> {
        let response = match timeout(REQUEST_TIMEOUT, self.get(setting)).await {
            Ok(Ok(response)) => response,
            Ok(Err(reason)) => return Setting::Unknown(reason),
            Err(_) => return Setting::Unknown("no response in time".to_owned()),
        };
        match response.status {
            200 => match quick_xml::de::from_str(&response.body) {
                Ok(parsed) => Setting::Known(meaning(&parsed)),
                Err(error) => Setting::Unknown(format!("the response cannot be parsed: {error}")),
            },
            _ if response.body.contains(absent) => Setting::Known(default),
            401 | 403 => Setting::Unknown(format!("the credentials do not allow it ({permission})")),
            status => {
                Setting::Unknown(format!("the server does not support the call (it answers with status {status})"))
            }
        }
    }

    async fn get(&self, setting: &str) -> Result<Response, String> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        let query = SignedUrlOptions::new().with_query([(setting, "")]);
        let method = request.method().clone();
        let signed = self.bucket.signed_url_opts(method, &Path::default(), SIGNATURE_LIFETIME, &query).await;
        let url = signed.map_err(|error| format!("the request cannot be signed: {error}"))?;
        *request.uri_mut() = url.as_str().parse().map_err(|_| "the bucket has no address".to_owned())?;
        let response = self.client.execute(request).await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let mut pieces = response.into_body().bytes_stream();
        while let Some(piece) = pieces.try_next().await.map_err(|error| error.to_string())? {
            if body.len() + piece.len() > RESPONSE_BYTES_MAX {
                return Err(format!("the response has more than {RESPONSE_BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Response { status, body: String::from_utf8_lossy(&body).into_owned() })
    }
}
