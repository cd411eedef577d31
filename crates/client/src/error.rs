//! What can go wrong between this client and a broker.

use std::{future::Future, time::Duration};

use alluvium_wire::{ApiKey, DecodeError, EncodeError, ErrorCode, batch::BatchError};
use thiserror::Error;
use tokio::time::{Instant, sleep};

/// How long a cluster may take until it is no longer busy, moving or starting.
const SETTLE: Duration = Duration::from_secs(30);
/// Between two attempts.
const SETTLE_PAUSE: Duration = Duration::from_millis(50);

/// Why a call did not succeed.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The address cannot be connected to.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The connection ended before the answer came.
    #[error("the connection to {0} was closed before the answer came")]
    Closed(String),
    /// The request cannot be written at this version.
    #[error("request not encodable: {0}")]
    Encode(#[from] EncodeError),
    /// The answer is not what the protocol says.
    #[error("answer not decodable: {0}")]
    Decode(#[from] DecodeError),
    /// A fetched batch is not what the protocol says.
    #[error("batch not readable: {0}")]
    Batch(#[from] BatchError),
    /// Broker and client have no version of an API in common.
    #[error("the broker speaks no version of {0:?} that we speak")]
    NoCommonVersion(ApiKey),
    /// The broker answered with an error.
    #[error("{what}: {code:?}{}", message.as_deref().map(|text| format!(" ({text})")).unwrap_or_default())]
    Broker {
        /// What was asked.
        what: String,
        /// Kafka's code.
        code: ErrorCode,
        /// Kafka's words, where it has any.
        message: Option<String>,
    },
    /// No answer in time.
    #[error("{0}: no answer in time")]
    Timeout(String),
}

impl ClientError {
    /// `Ok` where `code` is no error.
    ///
    /// # Errors
    /// [`ClientError::Broker`] otherwise.
    pub fn check(what: impl Into<String>, code: ErrorCode, message: Option<&str>) -> Result<(), Self> {
        if code.is_none() {
            return Ok(());
        }
        Err(Self::Broker { what: what.into(), code, message: message.map(str::to_owned) })
    }

    /// Whether the same request may succeed later: the broker is busy, moving or starting. A gap in a producer's sequence
    /// closes when the batches before it are sent again.
    #[must_use]
    pub fn is_passing(code: ErrorCode) -> bool {
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

    /// The broker's code, where it answered with one.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Broker { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// Calls again while the broker answers that it cannot do this yet, for a while.
pub(crate) async fn until_settled<T, F, Fut>(call: F) -> Result<T, ClientError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, ClientError>>,
{
    let deadline = Instant::now() + SETTLE;
    loop {
        match call().await {
            Err(error) if error.code().is_some_and(ClientError::is_passing) && Instant::now() < deadline => {
                sleep(SETTLE_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}
