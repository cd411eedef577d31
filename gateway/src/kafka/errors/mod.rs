//! Maps the errors of the layers below to Kafka's error codes: one exhaustive match per error type, so that a new kind
//! of error does not compile without a code.

mod api_error;
mod fetch;
mod groups;
mod produce;
mod topics;
mod transactions;

pub use api_error::{ApiError, HasErrorCode};
pub use transactions::in_version;
