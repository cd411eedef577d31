//! The encoding of Kafka's primitive and composite types.
//!
//! Owns: the bounded [`Reader`], the [`Writer`], which writes a buffer chain, the types that a field may have
//! ([`Wire`]), and the `messages!` macro from which every message's struct, defaults, decoding and encoding derive.
//! Does not own: what a message means, or record batches, which are opaque [`Bytes`](bytes::Bytes) here.
//!
//! Invariants: no input makes decoding panic; memory is bounded by the input's length and, for arrays, by
//! [`ARRAY_BYTES_MAX`]; byte fields are slices of the frame, not copies.

mod declare;
mod error;
mod field;
mod reader;
mod records;
mod wire;
mod writer;

#[cfg(test)]
pub(crate) mod generate;
#[cfg(test)]
mod tests;

pub use error::{DecodeError, EncodeError};
pub use reader::{ARRAY_BYTES_MAX, Reader};
pub use records::RecordsField;
pub use wire::Layout;
pub use writer::Writer;

pub(crate) use declare::{field_default, field_spec, messages};
pub use field::Versions;
pub(crate) use field::{FieldSpec, TaggedFields};
pub(crate) use wire::{Nullable, Wire};
