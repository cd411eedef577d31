//! Idempotent producers: their ids and their windows.
//!
//! Owns: the producer id counter, window rows and the expiry of idle windows. Does not own: the sequence rules
//! (`alluvium_model::producer`), the commit that checks and writes windows ([`crate::log`]).

mod key;
mod next_id_row;
mod service;
mod sweep;
mod sweep_row;
mod window_row;

#[cfg(test)]
mod tests;

pub use service::Producers;
pub use sweep::ProducerSweepStep;

pub(crate) use key::{topic_windows, window_key};
pub(crate) use window_row::{decode_window, encode_window};
