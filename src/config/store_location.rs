//! The location of the object store, as a user writes it.

use std::fmt;
use std::path::PathBuf;

use alluvium_s3::S3Location;

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
            Some(("s3" | "s3a", rest)) => {
                S3Location::parse(rest).map(Self::S3).ok_or_else(|| LocationError::NoBucket(text.to_owned()))
            }
            Some(("file", "")) => Err(LocationError::Empty),
            Some(("file", rest)) => Ok(Self::Local { directory: rest.into() }),
            Some(("memory", "")) => Ok(Self::Memory),
            Some(_) => Err(LocationError::Scheme(text.to_owned())),
        }
    }
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { directory } => directory.display().fmt(f),
            Self::S3(bucket) => bucket.fmt(f),
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
