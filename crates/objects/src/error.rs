//! Errors of the store, and their classification: the one place that decides what a failure means, whether it is
//! transient, and whether it concerns the whole store.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use object_store::client::{HttpError, HttpErrorKind};

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Write an object.
    Put,
    /// Read an object or its size.
    Get,
    /// Delete objects.
    Delete,
    /// List objects.
    List,
    /// Open a store.
    Open,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Open => "open",
        })
    }
}

/// A failed operation. Cheap to clone, so that many readers can share one failed load.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} {key:?}: {kind}: {reason}")]
pub struct Error {
    /// What the failure means.
    pub kind: ErrorKind,
    /// The request that failed.
    pub operation: Operation,
    /// The object (relative to the store's prefix), prefix or store it was for.
    pub key: String,
    /// The store's own error text.
    pub reason: String,
}

/// Classification of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ErrorKind {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// There is no such bucket or directory.
    #[error("no such bucket or directory")]
    NoSuchBucket,
    /// Credentials are missing, wrong, or lack the permission.
    #[error("access denied")]
    Denied,
    /// The disk or a quota is full.
    #[error("no space left")]
    Full,
    /// The store cannot be reached, is overloaded, or failed internally.
    #[error("store unavailable")]
    Unavailable,
    /// No response in time.
    #[error("timed out")]
    Timeout,
    /// The response ended before all its bytes had arrived.
    #[error("response cut short")]
    CutShort,
    /// The requested range reaches beyond the end of the object.
    #[error("range is beyond the end of the object")]
    Range,
    /// More bytes than one read may have.
    #[error("too large to read at once")]
    TooLarge,
    /// The key or the location is malformed or unusable.
    #[error("invalid key or location")]
    Invalid,
    /// This process does not use the store for now ([`Objects::suspend`](crate::Objects::suspend)).
    #[error("suspended")]
    Suspended,
    /// The probe came back with other bytes than were written.
    #[error("store returned other bytes than were written")]
    Corrupt,
    /// None of the other kinds.
    #[error("unexpected failure")]
    Other,
}

impl ErrorKind {
    /// Whether the failure is transient, so that trying again may help.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Unavailable | Self::Timeout | Self::CutShort | Self::Other => true,
            Self::NotFound
            | Self::NoSuchBucket
            | Self::Denied
            | Self::Full
            | Self::Range
            | Self::TooLarge
            | Self::Invalid
            | Self::Suspended
            | Self::Corrupt => false,
        }
    }

    /// Whether the failure concerns the store as a whole, not a single object or the request.
    pub(crate) fn concerns_store(self) -> bool {
        match self {
            Self::NoSuchBucket | Self::Denied | Self::Full | Self::Unavailable | Self::Timeout => true,
            Self::CutShort | Self::Corrupt | Self::Other => true,
            Self::NotFound | Self::Range | Self::TooLarge | Self::Invalid | Self::Suspended => false,
        }
    }
}

impl Error {
    /// Whether the failure is transient, so that trying again may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// A failure of `operation` on `key`; `reason` may be shown to clients.
    pub fn new(kind: ErrorKind, operation: Operation, key: &str, reason: impl Into<String>) -> Self {
        Self { kind, operation, key: key.to_owned(), reason: reason.into() }
    }

    pub(crate) fn from_store(operation: Operation, key: &str, error: &object_store::Error) -> Self {
        let reason = match error {
            // Its own text says no more than the kind does.
            object_store::Error::Unauthenticated { source, .. } => source.to_string(),
            error => error.to_string(),
        };
        Self::new(classify(error), operation, key, reason)
    }

    pub(crate) fn from_io(operation: Operation, key: &str, error: &io::Error) -> Self {
        Self::new(classify_io(error).unwrap_or(ErrorKind::Other), operation, key, error.to_string())
    }
}

fn classify(error: &object_store::Error) -> ErrorKind {
    use object_store::Error as E;
    match error {
        E::NotFound { .. } if names_bucket(error) => ErrorKind::NoSuchBucket,
        E::NotFound { .. } => ErrorKind::NotFound,
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => ErrorKind::Denied,
        E::InvalidPath { .. } | E::UnknownConfigurationKey { .. } | E::NotSupported { .. } => ErrorKind::Invalid,
        E::NotImplemented { .. } => ErrorKind::Invalid,
        // Responses to conditional requests, which `create` handles itself, and 409, by which S3 rejects concurrent
        // changes.
        E::AlreadyExists { .. } | E::Precondition { .. } | E::NotModified { .. } => ErrorKind::Unavailable,
        _ => classify_sources(error).unwrap_or(ErrorKind::Other),
    }
}

/// S3 answers 404 for a missing object and for a missing bucket; the code in the body distinguishes them.
fn names_bucket(error: &object_store::Error) -> bool {
    error.to_string().contains("NoSuchBucket")
}

/// The kind by the first cause in the chain that determines it.
fn classify_sources(error: &object_store::Error) -> Option<ErrorKind> {
    let mut source = error.source();
    while let Some(cause) = source {
        let kind = cause
            .downcast_ref::<io::Error>()
            .and_then(classify_io)
            .or_else(|| cause.downcast_ref::<HttpError>().map(classify_http))
            .or_else(|| classify_text(&cause.to_string()));
        if kind.is_some() {
            return kind;
        }
        source = cause.source();
    }
    None
}

fn classify_io(error: &io::Error) -> Option<ErrorKind> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Some(ErrorKind::Full)
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(ErrorKind::Denied),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            Some(ErrorKind::NoSuchBucket)
        }
        io::ErrorKind::TimedOut => Some(ErrorKind::Timeout),
        io::ErrorKind::UnexpectedEof => Some(ErrorKind::CutShort),
        _ => None,
    }
}

fn classify_http(error: &HttpError) -> ErrorKind {
    match error.kind() {
        HttpErrorKind::Timeout => ErrorKind::Timeout,
        HttpErrorKind::Interrupted | HttpErrorKind::Decode => ErrorKind::CutShort,
        _ => ErrorKind::Unavailable,
    }
}

/// object_store hides the types of these causes, so their texts decide; tests on each store pin them.
fn classify_text(text: &str) -> Option<ErrorKind> {
    const TEXTS: [(&str, ErrorKind); 11] = [
        ("NoSuchBucket", ErrorKind::NoSuchBucket),
        ("Wanted range starting at", ErrorKind::Range),
        ("without LOCATION", ErrorKind::Invalid), // a redirect to another region
        ("Server returned error response", ErrorKind::Unavailable), // status 200 and an error as body: S3 under load
        ("SlowDown", ErrorKind::Unavailable),
        ("InternalError", ErrorKind::Unavailable),
        ("RequestTimeout", ErrorKind::Timeout),
        ("ExpiredToken", ErrorKind::Denied),
        ("InvalidToken", ErrorKind::Denied),
        ("TokenRefreshRequired", ErrorKind::Denied),
        ("AccessDenied", ErrorKind::Denied),
    ];
    let known = TEXTS.into_iter().find(|(part, _)| text.contains(part)).map(|(_, kind)| kind);
    known.or_else(|| classify_status(text))
}

fn classify_status(text: &str) -> Option<ErrorKind> {
    let (_, rest) = text.split_once("status code: ")?;
    match rest.get(..3)?.parse::<u16>().ok()? {
        507 => Some(ErrorKind::Full),
        408 | 429 | 500.. => Some(ErrorKind::Unavailable),
        401 | 403 => Some(ErrorKind::Denied),
        404 => Some(ErrorKind::NotFound),
        416 => Some(ErrorKind::Range),
        300..500 => Some(ErrorKind::Invalid),
        _ => None,
    }
}
