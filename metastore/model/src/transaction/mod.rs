//! Transactions (KIP-98, KIP-360, KIP-588, KIP-890): the state of one transactional id.
//!
//! Owns: who may write in the name of a transactional id, when its transaction begins and how it ends, the epochs that
//! fence others, and the answers to repeated requests. Does not own: which partitions and group offsets belong to a
//! transaction, offsets, markers, storage.
//! Invariant: at most one (producer id, epoch) may write at a time; a transaction ends once, and with one verdict.
//!
//! An end is one step: data, offsets and state change together. So Kafka's states in between (`PrepareCommit`,
//! `PrepareAbort`, `PrepareEpochFence`) do not exist, and no request has to wait for them.

mod end;
mod error;
mod ids;
mod init;
mod join;
mod state;

#[cfg(test)]
mod tests;

pub use end::{End, EndOutcome, abort, end, expire};
pub use error::TransactionError;
pub use ids::{TransactionalId, TransactionalProducer};
pub use init::{Init, InitOutcome, init};
pub use join::{joined, may_write};
pub use state::{Status, Transaction, TransactionVersion, Verdict};
