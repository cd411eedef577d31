//! Transactions, as this agent serves them.
//!
//! Owns: the requests of transactional producers, the queue of their ends, and the task that aborts transactions that
//! time out. Does not own: the rules (`alluvium_model::transaction`) and the rows (`alluvium_metastore::transactions`),
//! which order what agents do: any agent can serve any transactional id.

mod coordinator;
mod end_queue;
mod open_transactions;
mod parts;
mod timeouts;

pub use coordinator::Transactions;
pub use open_transactions::OpenTransactions;
pub use parts::TransactionsParts;
