//! What a bucket does by itself to the objects in it: lifecycle rules, versioning, object lock.
//!
//! Owns: asking for these settings, which `object_store` does not, and their meaning. Does not own: whether they harm, which
//! depends on what is kept where. Nothing is ever changed.

mod lifecycle;
mod settings;
mod xml;

pub use lifecycle::{Expiry, LifecycleRule};
pub use settings::{Answer, BucketSettings, Versioning};
