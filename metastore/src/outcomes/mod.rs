//! Outcome rows: the result of each segment's commit, for an agent that asks again because it does not know it.
//!
//! Owns: the key and the value of an outcome row. Does not own: when a commit writes it ([`crate::log`]), or how long
//! it is kept ([`crate::feed`], whose trim clears outcomes along with entries).

mod exception;
mod key;
mod row;

#[cfg(test)]
mod tests;

pub(crate) use key::{chunks, created_before, outcome_key};
pub(crate) use row::{decode, encode};
