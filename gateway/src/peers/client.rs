//! The interface for requesting blocks from other agents, and its errors.

use std::time::Duration;

use alluvium_model::node::Endpoint;
use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

use super::BlockName;

/// Requests blocks from other agents. Implementations bound the size of an answer; the caller bounds its time.
#[async_trait]
pub trait PeerBlocks: Send + Sync + 'static {
    /// The bytes of `block`, from the agent that listens for HTTP at `peer`. They are not trusted: the caller checks
    /// them.
    async fn fetch(&self, peer: &Endpoint, block: &BlockName) -> Result<Bytes, PeerError>;

    /// Waits until the agent that listens for HTTP at `peer` has accepted a connection, closed it, and refused the
    /// next: its process has ended. Never returns if the implementation cannot tell.
    async fn ended(&self, _peer: &Endpoint) {
        std::future::pending().await
    }
}

/// For an agent that requests no blocks from others.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPeers;

#[async_trait]
impl PeerBlocks for NoPeers {
    async fn fetch(&self, _peer: &Endpoint, _block: &BlockName) -> Result<Bytes, PeerError> {
        Err(PeerError::Unreachable("this agent asks no other agent".to_owned()))
    }
}

/// Why another agent did not send a block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PeerError {
    /// The agent found no such object.
    #[error("finds no such object")]
    Absent,
    /// The agent serves as many blocks as it may.
    #[error("is busy")]
    Busy,
    /// The block is larger than what agents send each other.
    #[error("the block is too large to be served to other agents")]
    TooLarge,
    /// The agent could not load the block, or did not accept the request.
    #[error("refused: {0}")]
    Rejected(String),
    /// The connection failed, before or during the answer.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// There was no whole answer within this time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The bytes sent are not those of the block.
    #[error("sent bytes that are not the block: {0}")]
    InvalidBytes(String),
}

impl PeerError {
    /// Whether the error concerns the agent and not only this block: then the next request would probably fail as well.
    #[must_use]
    pub fn is_of_peer(&self) -> bool {
        match self {
            Self::Rejected(_) | Self::Unreachable(_) | Self::Timeout(_) | Self::InvalidBytes(_) => true,
            Self::Absent | Self::Busy | Self::TooLarge => false,
        }
    }

    /// The metric label.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Busy => "busy",
            Self::TooLarge => "too_large",
            Self::Rejected(_) => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::Timeout(_) => "late",
            Self::InvalidBytes(_) => "wrong",
        }
    }
}
