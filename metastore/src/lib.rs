//! Metadata as transactions over an ordered key-value store.

pub mod ambient;
pub mod kv;
