//! Why a call to a broker fails, and which failures are retriable.

use std::{future::Future, time::Duration};

use alluvium_wire::{ApiKey, DecodeError, EncodeError, ErrorCode, batch::BatchError};
use thiserror::Error;
use tokio::time::{Instant, sleep};

/// Time for retriable errors to pass: for a cluster that is busy, moving leaders or starting.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between two attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Why a call failed.
#[derive(Debug, Error)]
pub enum ClientError {
    /// No connection to the address could be opened.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Host and port.
        address: String,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The connection, to this address, ended before the response came.
    #[error("the connection to {0} was closed before the response came")]
    Closed(String),
    /// The request cannot be encoded at the common version.
    #[error("request cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// The response does not follow the protocol.
    #[error("response cannot be decoded: {0}")]
    Decode(#[from] DecodeError),
    /// A fetched batch does not follow the protocol.
    #[error("batch cannot be read: {0}")]
    Batch(#[from] BatchError),
    /// Broker and client have no version of this API in common.
    #[error("the broker supports no version of {0:?} that this client supports")]
    NoCommonVersion(ApiKey),
    /// The broker responded with an error.
    #[error("{what}: {code:?}{}", message.as_deref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Broker {
        /// What was requested.
        what: String,
        /// Kafka's error code.
        code: ErrorCode,
        /// The error message of the response, if it has one.
        message: Option<String>,
    },
    /// No response came in time; names the address or the request.
    #[error("{0}: no response in time")]
    Timeout(String),
}

impl ClientError {
    /// `Ok` if `code` is no error.
    ///
    /// # Errors
    /// [`ClientError::Broker`] otherwise.
    pub fn check(what: impl Into<String>, code: ErrorCode, message: Option<&str>) -> Result<(), Self> {
        if code.is_none() {
            return Ok(());
        }
        Err(Self::Broker { what: what.into(), code, message: message.map(str::to_owned) })
    }

    /// Whether the same request may succeed later: the broker is busy, moving leaders or starting. A gap in a
    /// producer's sequence closes when the batches before it are sent again.
    #[must_use]
    pub fn is_retriable_code(code: ErrorCode) -> bool {
        [
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            ErrorCode::NOT_LEADER_OR_FOLLOWER,
            ErrorCode::LEADER_NOT_AVAILABLE,
            ErrorCode::REQUEST_TIMED_OUT,
            ErrorCode::NOT_ENOUGH_REPLICAS,
            ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            ErrorCode::KAFKA_STORAGE_ERROR,
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
            ErrorCode::COORDINATOR_NOT_AVAILABLE,
            ErrorCode::NETWORK_EXCEPTION,
            ErrorCode::THROTTLING_QUOTA_EXCEEDED,
        ]
        .contains(&code)
    }

    /// Whether the call may succeed at another broker, or at the same one later.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Closed(_) | Self::Timeout(_) => true,
            Self::Broker { code, .. } => Self::is_retriable_code(*code) || *code == ErrorCode::NOT_COORDINATOR,
            Self::Encode(_) | Self::Decode(_) | Self::Batch(_) | Self::NoCommonVersion(_) => false,
        }
    }

    /// The broker's error code, if it responded with one.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Broker { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// Repeats `call` while the broker responds with a retriable error, for at most [`RETRY_TIMEOUT`].
pub(crate) async fn with_retries<T, F, Fut>(call: F) -> Result<T, ClientError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, ClientError>>,
{
    let deadline = Instant::now() + RETRY_TIMEOUT;
    loop {
        match call().await {
            Err(error) if error.code().is_some_and(ClientError::is_retriable_code) && Instant::now() < deadline => {
                sleep(RETRY_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}
