//! How the errors of the layers below read in Kafka's codes: one exhaustive match per error, so that a new kind of error
//! cannot be forgotten.

mod fetch;
mod groups;
mod produce;
mod refused;
mod topics;

pub use refused::{Coded, Refused};
