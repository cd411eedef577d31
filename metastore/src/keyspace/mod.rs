//! How keys and rows are written: the tags that part the concepts, order-preserving keys, the row primitives.
//!
//! Owns: the list of all tags; big-endian primitives that never panic on stored bytes. Does not own: what a key or a row of
//! a concept looks like (drawn beside its codec, in the concept's folder).

mod chunk;
mod error;
mod key;
mod row;
mod tag;

pub use chunk::{CHUNK_BYTES_MAX, split};
pub(crate) use error::from_store;
pub use error::{Error, RowError, RowProblem};
pub use key::Key;
pub use row::{RowReader, RowWriter};
pub use tag::Tag;
