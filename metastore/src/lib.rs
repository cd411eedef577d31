//! Metadata as transactions over an ordered key-value store.
