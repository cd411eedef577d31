//! Objects: who is referenced, who is retired and when it may be deleted.
//!
//! Owns: object rows and the retire queue. Does not own: extents (whose transactions count references here), bytes.
//! Invariants: an object is in the retire queue exactly while its references are zero; it is known until it was deleted.

pub(crate) mod object_row;
pub(crate) mod references;
mod service;

pub use service::{Objects, Retired};
