//! What can go wrong between this client and a broker.

use alluvium_wire::{ApiKey, DecodeError, EncodeError, ErrorCode, batch::BatchError};
use thiserror::Error;

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

    /// The broker's code, where it answered with one.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Broker { code, .. } => Some(*code),
            _ => None,
        }
    }
}
