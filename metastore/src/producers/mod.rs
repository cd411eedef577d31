//! Idempotent producers: their ids and their windows.
//!
//! Owns: the producer id counter, window rows and their expiry. Does not own: the rules (`alluvium_model::producer`), the
//! commit that checks and moves windows ([`crate::log`]).

mod service;
mod sweep;
pub(crate) mod window_row;

#[cfg(test)]
mod tests;

pub use service::Producers;
pub use sweep::Sweep;
