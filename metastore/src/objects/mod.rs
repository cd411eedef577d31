//! Objects in the bucket: how many live extents refer to each, which are retired, and from when those may be deleted.
//!
//! Owns: object rows and the retire queue. Does not own: extents (the transactions that link and unlink them count
//! references here), the bytes of objects.
//! Invariants: an object is in the retire queue exactly while it has no references; it is known until it was deleted.

mod key;
mod object_row;
mod references;
mod retired_row;
mod service;

pub use retired_row::Retired;
pub use service::KnownObjects;

pub(crate) use key::object_key;
pub(crate) use references::{Retire, add_object, release_references};
