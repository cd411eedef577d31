//! The location of a store, as a user writes it.

use std::fmt;
use std::path::PathBuf;

/// Where objects are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreLocation {
    /// A directory of this machine; created if it does not exist.
    Local {
        /// The directory's path.
        directory: PathBuf,
    },
    /// An S3 bucket.
    S3(S3Location),
    /// Memory of this process; lost when it ends.
    Memory,
}

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

/// Why a text is not the location of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// `s3://` without a bucket.
    #[error("{0:?} names no bucket: write s3://bucket or s3://bucket/prefix")]
    NoBucket(String),
    /// A scheme other than those supported.
    #[error("{0:?} is neither s3://bucket/prefix nor a directory")]
    Scheme(String),
    /// An empty text.
    #[error("the store is empty: write s3://bucket/prefix or a directory")]
    Empty,
}

impl StoreLocation {
    /// Parses `text`: `s3://bucket/prefix`, `file:///directory`, `memory://`, or a directory.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        match text.split_once("://") {
            None => Ok(Self::Local { directory: text.into() }),
            Some(("s3" | "s3a", rest)) => S3Location::parse(text, rest).map(Self::S3),
            Some(("file", "")) => Err(LocationError::Empty),
            Some(("file", rest)) => Ok(Self::Local { directory: rest.into() }),
            Some(("memory", "")) => Ok(Self::Memory),
            Some(_) => Err(LocationError::Scheme(text.to_owned())),
        }
    }
}

impl S3Location {
    /// `bucket` in AWS.
    #[must_use]
    pub fn new(bucket: impl Into<String>) -> Self {
        let (endpoint, region) = (None, None);
        Self { bucket: bucket.into(), prefix: String::new(), endpoint, region, path_style: true, allow_http: false }
    }

    fn parse(text: &str, rest: &str) -> Result<Self, LocationError> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(LocationError::NoBucket(text.to_owned()));
        }
        Ok(Self { prefix: prefix.trim_matches('/').to_owned(), ..Self::new(bucket) })
    }
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { directory } => directory.display().fmt(f),
            Self::S3(S3Location { bucket, prefix, .. }) if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3(S3Location { bucket, prefix, .. }) => write!(f, "s3://{bucket}/{prefix}"),
            Self::Memory => f.write_str("memory://"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_may_have_a_prefix() {
        let bare = S3Location::new("b");
        assert_eq!(StoreLocation::parse("s3://b"), Ok(StoreLocation::S3(bare.clone())));
        assert_eq!(StoreLocation::parse("s3://b/"), Ok(StoreLocation::S3(bare.clone())));
        let prefixed = StoreLocation::S3(S3Location { prefix: "p/q".to_owned(), ..bare });
        assert_eq!(StoreLocation::parse("s3://b/p/q/").as_ref(), Ok(&prefixed));
        assert_eq!(prefixed.to_string(), "s3://b/p/q");
    }

    #[test]
    fn anything_without_a_scheme_is_a_directory() {
        for text in ["./alluvium-data", "file://./alluvium-data"] {
            let directory = PathBuf::from("./alluvium-data");
            assert_eq!(StoreLocation::parse(text), Ok(StoreLocation::Local { directory }));
        }
        assert_eq!(StoreLocation::parse("memory://"), Ok(StoreLocation::Memory));
    }

    #[test]
    fn invalid_locations_are_rejected() {
        for text in ["", "file://", "s3://", "s3:///p", "gs://b", "memory://x"] {
            assert!(StoreLocation::parse(text).is_err(), "{text}");
        }
    }
}
