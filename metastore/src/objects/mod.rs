//! Objects in the bucket: how many live extents refer to each, which are retired, and from when those may be deleted.
//!
//! Owns: object rows, the counters and the queue of released references, the retire queue. Does not own: extents (the
//! transactions that link and unlink them count references here), the bytes of objects.
//! Invariants: an object has all its references when it becomes known, and never gets another; it is retired only when
//! none is left, and once none is left, by the next steps of [`KnownObjects::retire_released`]; it is known until it
//! was deleted.

mod key;
mod object_row;
mod release;
mod released_row;
mod retire;
mod retired_row;
mod service;

#[cfg(test)]
mod tests;

pub use retire::{ObjectsBacklog, RetireStep};
pub use retired_row::Retired;
pub use service::KnownObjects;

pub(crate) use key::object_key;
pub(crate) use release::{Retire, add_object, release_references};
