//! The location of a bucket.

use std::fmt;

/// A bucket, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Location {
    /// The bucket's name.
    pub bucket: String,
    /// Prefix of every key; empty, or without a slash at either end.
    pub prefix: String,
    /// URL of a server other than AWS; `None`: `AWS_ENDPOINT_URL`, or AWS.
    pub endpoint: Option<String>,
    /// The region; `None`: by the AWS chain (environment, profile, instance).
    pub region: Option<String>,
    /// Whether the bucket is named in the path (works everywhere) rather than in the host name.
    pub path_style: bool,
    /// Whether an endpoint without TLS may be used.
    pub allow_http: bool,
}

impl S3Location {
    /// `bucket` in AWS.
    #[must_use]
    pub fn new(bucket: impl Into<String>) -> Self {
        let (endpoint, region) = (None, None);
        Self { bucket: bucket.into(), prefix: String::new(), endpoint, region, path_style: true, allow_http: false }
    }

    /// Parses `bucket` or `bucket/prefix`, what follows `s3://`; `None` if it names no bucket.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
        let prefix = prefix.trim_matches('/').to_owned();
        (!bucket.is_empty()).then(|| Self { prefix, ..Self::new(bucket) })
    }
}

impl fmt::Display for S3Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.bucket, self.prefix.as_str()) {
            (bucket, "") => write!(f, "s3://{bucket}"),
            (bucket, prefix) => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}
