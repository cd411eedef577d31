//! Extent rows: which offsets of a partition lie where in which object.
//!
//! Owns: the key and the value of an extent row. Does not own: which extents there are ([`crate::log`]), or what an
//! extent means (`alluvium_model::extent`). The log stores the value as a row, the feed carries it in its entries.

mod key;
mod rejected;
mod row;

#[cfg(test)]
mod tests;

pub(crate) use key::{extent_key, from, topic_prefix, up_to, within};
pub(crate) use row::{decode, decode_rows, encode};

#[cfg(test)]
pub(crate) use key::decode_key;
