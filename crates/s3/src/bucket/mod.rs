//! A bucket's settings that affect the objects in it: lifecycle rules, versioning, object lock.
//!
//! Owns: reading these settings, which `object_store` cannot, and their meaning. Does not own: whether they do harm,
//! which depends on what is stored where. Never changes a setting.

mod lifecycle;
mod settings;
mod xml;

pub use lifecycle::{Expiry, LifecycleRule};
pub use settings::{BucketSettings, Setting, Versioning};
