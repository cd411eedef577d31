//! The questions: signed requests to the bucket itself.

use std::time::Duration;

use futures::TryStreamExt;
use object_store::ClientOptions;
use object_store::aws::AmazonS3;
use object_store::client::{HttpClient, HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{LifecycleRule, xml};
use crate::open::open_bucket;
use crate::{Error, ErrorKind, Operation, S3Location};

/// Time for one answer; a bucket's settings are small.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a signature is good for: as long as a request may be on its way.
const SIGNATURE_LIFETIME: Duration = Duration::from_secs(60);
/// A thousand lifecycle rules, the most that S3 allows, are some hundred kilobytes.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// What a server said of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// It is so.
    Known(T),
    /// It did not say, and why: many S3-compatible servers lack the call, many credentials may not make it.
    NotKnown(String),
}

/// Whether the bucket keeps what is deleted and overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versioning {
    /// It does not, or no longer.
    Off,
    /// It does.
    On,
}

/// One bucket, to be asked for its settings.
#[derive(Debug)]
pub struct BucketSettings {
    bucket: AmazonS3,
    client: HttpClient,
}

/// What came back: status and body.
struct Said {
    status: u16,
    body: String,
}

impl BucketSettings {
    /// Prepares the questions; nothing is asked yet.
    pub async fn of(location: &S3Location) -> Result<Self, Error> {
        let invalid = |error: object_store::Error| {
            Error::new(ErrorKind::Invalid, Operation::Open, &location.bucket, error.to_string())
        };
        let options = ClientOptions::new().with_allow_http(location.allow_http).with_timeout(PATIENCE);
        let client = ReqwestConnector::default().connect(&options).map_err(invalid)?;
        Ok(Self { bucket: open_bucket(location).await?, client })
    }

    /// The rules by which it deletes and moves objects; none where there is no such configuration.
    pub async fn lifecycle(&self) -> Answer<Vec<LifecycleRule>> {
        let rules = |said: &xml::Lifecycle| said.rules.iter().map(LifecycleRule::from).collect();
        self.ask("lifecycle", "s3:GetLifecycleConfiguration", "NoSuchLifecycleConfiguration", rules, Vec::new()).await
    }

    /// Whether it keeps what is deleted.
    pub async fn versioning(&self) -> Answer<Versioning> {
        let state = |said: &xml::Versioning| {
            if said.status.as_deref() == Some("Enabled") { Versioning::On } else { Versioning::Off }
        };
        self.ask("versioning", "s3:GetBucketVersioning", "NoSuchVersioning", state, Versioning::Off).await
    }

    /// Whether new objects are locked against deletion by default.
    pub async fn locks_new_objects(&self) -> Answer<bool> {
        let locks = |said: &xml::ObjectLock| said.rule.is_some();
        let absent = "ObjectLockConfigurationNotFoundError";
        self.ask("object-lock", "s3:GetBucketObjectLockConfiguration", absent, locks, false).await
    }

    /// Asks for `setting`; an error whose code is `absent` means that it is not set: `default`.
    async fn ask<X: DeserializeOwned, T>(
        &self,
        setting: &str,
        permission: &str,
        absent: &str,
        meaning: impl Fn(&X) -> T,
        default: T,
    ) -> Answer<T> {
        let said = match timeout(PATIENCE, self.get(setting)).await {
            Ok(Ok(said)) => said,
            Ok(Err(reason)) => return Answer::NotKnown(reason),
            Err(_) => return Answer::NotKnown("no answer in time".to_owned()),
        };
        match said.status {
            200 => match quick_xml::de::from_str(&said.body) {
                Ok(parsed) => Answer::Known(meaning(&parsed)),
                Err(error) => Answer::NotKnown(format!("the answer cannot be read: {error}")),
            },
            _ if said.body.contains(absent) => Answer::Known(default),
            401 | 403 => Answer::NotKnown(format!("the credentials do not allow it ({permission})")),
            status => Answer::NotKnown(format!("the server does not support the call (it answers {status})")),
        }
    }

    async fn get(&self, setting: &str) -> Result<Said, String> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        let query = SignedUrlOptions::new().with_query([(setting, "")]);
        let method = request.method().clone();
        let signed = self.bucket.signed_url_opts(method, &Path::default(), SIGNATURE_LIFETIME, &query).await;
        let url = signed.map_err(|error| format!("the request cannot be signed: {error}"))?;
        *request.uri_mut() = url.as_str().parse().map_err(|_| "the bucket has no address".to_owned())?;
        let answer = self.client.execute(request).await.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        let mut pieces = answer.into_body().bytes_stream();
        while let Some(piece) = pieces.try_next().await.map_err(|error| error.to_string())? {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(format!("the answer has more than {ANSWER_BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Said { status, body: String::from_utf8_lossy(&body).into_owned() })
    }
}
