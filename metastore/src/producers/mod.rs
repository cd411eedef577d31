//! Idempotent producers: their ids and their windows.
//!
//! Owns: the producer id counter, window rows and their expiry. Does not own: the rules (`alluvium_model::producer`), the
//! commit that checks and moves windows ([`crate::log`]).

mod service;

pub use service::{Producers, Sweep};
