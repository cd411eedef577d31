//! Transactions as metastore transactions.
//!
//! Owns: what begins a transaction, adds to it and ends it, beside the commit of segments ([`crate::log`]); the offsets
//! of groups that wait for its end. Does not own: the rules (`alluvium_model::transaction`), the layout of its rows
//! ([`crate::transaction_rows`]). Invariant: an end changes data, offsets and state at once.

mod end;
mod end_requests;
mod error;
mod list;
mod pending_offsets;
mod service;

#[cfg(test)]
mod tests;

pub use crate::transaction_rows::StoredTransaction;
pub use end_requests::{EndRequest, EndResult};
pub use error::TransactionFailure;
pub use list::TransactionsPage;
pub use pending_offsets::TransactionOffsets;
pub use service::{OpenTransaction, Transactions};
