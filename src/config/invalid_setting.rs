//! The error of a value that an option cannot have.

use thiserror::Error;

/// A value that an option cannot have; the message names the option as the flag is written.
#[derive(Debug, Error)]
#[error("--{option} {value}: {reason}")]
pub struct InvalidSetting {
    option: &'static str,
    value: String,
    reason: String,
}

pub(super) fn invalid(option: &'static str, value: impl ToString, reason: impl ToString) -> InvalidSetting {
    InvalidSetting { option, value: value.to_string(), reason: reason.to_string() }
}
