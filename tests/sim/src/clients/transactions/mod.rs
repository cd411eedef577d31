//! Transactional clients: producers, and loops that consume, transform and produce.
//!
//! They follow Kafka's rules: a transaction is committed only if all of it was acknowledged; after anything else the
//! producer asks for its next epoch before it goes on (KIP-360), or is started anew, which fences whoever has its
//! transactional id.

mod batches;
mod producer;
mod session;
mod transform;

pub use producer::transact;
pub use session::TransactionalPlan;
pub use transform::{Consumed, Transform, TransformPlan};
