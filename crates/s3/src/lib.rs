//! S3 buckets as object storage.
//!
//! Owns: opening a bucket (`open.rs`), its connections, credentials of the AWS chain and the HTTP client that they are
//! requested with, TLS, a bucket's settings. Does not own: requests for objects, their retries and the classification of their errors, which are
//! `alluvium-objects`'. Nothing but the binary depends on this crate: the rest compiles without AWS.

mod aws_http;
mod bucket;
mod connections;
mod credentials;
mod location;
mod open;
mod tls;

pub use bucket::{BucketSettings, Expiry, LifecycleRule, Setting, Versioning};
pub use credentials::CHAIN_LOG_TARGETS;
pub use location::S3Location;
pub use open::open;

#[cfg(test)]
mod tests;
