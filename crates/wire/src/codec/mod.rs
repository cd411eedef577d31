//! How Kafka's primitive and composite types are laid out in bytes.
//!
//! Owns: the bounded [`Reader`], the rope [`Writer`], the types that a field may have ([`Wire`]), and the `messages!`
//! macro from which every message's struct, defaults, decoding and encoding derive. Does not own: what a message
//! means, nor record batches, which travel through here as opaque [`Bytes`](bytes::Bytes).
//!
//! Invariants: no input makes decoding panic; memory taken is bounded by the input's own length and, for arrays, by
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
pub use records::Records;
pub use wire::Layout;
pub use writer::Writer;

pub(crate) use declare::{field_default, field_spec, messages};
pub use field::Versions;
pub(crate) use field::{FieldSpec, TaggedFields};
pub(crate) use wire::{Nullable, Wire};
