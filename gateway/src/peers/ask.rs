//! Asking another agent.

use std::time::Duration;

use alluvium_model::node::Endpoint;
use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

use super::BlockName;

/// Asks other agents for blocks. Whoever implements it has a limit for the time and the bytes that an answer takes.
#[async_trait]
pub trait PeerBlocks: Send + Sync + 'static {
    /// The bytes of `block`, from the agent that listens for HTTP at `peer`. What comes is not trusted: who asked checks it.
    async fn fetch(&self, peer: &Endpoint, block: &BlockName) -> Result<Bytes, PeerError>;
}

/// For an agent that has nobody to ask.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPeers;

#[async_trait]
impl PeerBlocks for NoPeers {
    async fn fetch(&self, _peer: &Endpoint, _block: &BlockName) -> Result<Bytes, PeerError> {
        Err(PeerError::Unreachable("this agent asks nobody".to_owned()))
    }
}

/// Why another agent did not give a block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PeerError {
    /// It finds no such object.
    #[error("finds no such object")]
    Absent,
    /// It has no room for one more request.
    #[error("is busy")]
    Busy,
    /// The block is larger than what agents pass on to each other.
    #[error("the block is too large to be passed on")]
    TooLarge,
    /// It cannot give it, or does not understand.
    #[error("refused: {0}")]
    Refused(String),
    /// Nobody answers there, or not to the end.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// No whole answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
    /// The bytes are not those of the block.
    #[error("answered what is not the block: {0}")]
    Wrong(String),
}

impl PeerError {
    /// Whether it tells of the agent, and not of this one block: the next question would go the same way.
    #[must_use]
    pub fn is_of_peer(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Unreachable(_) | Self::Late(_) | Self::Wrong(_) => true,
            Self::Absent | Self::Busy | Self::TooLarge => false,
        }
    }

    /// What it is counted as.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Busy => "busy",
            Self::TooLarge => "too_large",
            Self::Refused(_) => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::Late(_) => "late",
            Self::Wrong(_) => "wrong",
        }
    }
}
