//! How keys and rows are written: the tag of each kind of row, order-preserving keys, the primitives of values.
//!
//! Owns: the list of all tags; big-endian primitives that never panic on stored bytes. Does not own: the layout of each
//! key and value. Every concept keeps those the same way: `key.rs` in its folder draws and builds its keys; `row.rs`,
//! or one `<thing>_row.rs` for each kind of row if there are several, draws and codes its values. (A key that is
//! nothing but its tag is built next to its value.) `docs/formats.md` shows all of them on one page.

mod chunk;
mod counter;
mod error;
mod key;
mod row;
mod tag;

pub use chunk::{CHUNK_BYTES_MAX, split};
pub(crate) use counter::decode_counter;
pub(crate) use error::from_store;
pub use error::{Error, RowError, RowProblem};
pub use key::Key;
pub(crate) use key::read_group;
pub use row::{RowReader, RowWriter};
pub use tag::Tag;
