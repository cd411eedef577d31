//! How the errors of the layers below read in Kafka's codes: one exhaustive match per error, so that a new kind of error
//! cannot be forgotten.

use alluvium_wire::ErrorCode;

mod fetch;
mod produce;
mod topics;

/// An error of ours that has a Kafka code. Its `Display` is what clients are told beside the code.
pub trait Coded {
    /// Kafka's code for it.
    fn code(&self) -> ErrorCode;
}
