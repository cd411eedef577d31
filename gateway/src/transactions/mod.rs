//! Transactions, as this agent serves them.
//!
//! Owns: the requests of transactional producers, and the task that aborts transactions that time out. Does not own:
//! the rules (`alluvium_model::transaction`) and the rows (`alluvium_metastore::transactions`), which order what agents
//! do: any agent can serve any transactional id.

mod coordinator;
mod timeouts;

pub use coordinator::{Transactions, TransactionsParts};
