//! What became of each record: `{"offsets": [{"partition", "offset", "error_code", "error"}], ..}`.

use serde::Serialize;

use super::super::error::HttpError;
use super::plan::{Place, Plan};
use crate::produce::{Outcome, ProduceError};

/// The answer to a request whose records were let in.
#[derive(Debug, Serialize)]
pub struct Answer {
    offsets: Vec<RecordAnswer>,
    key_schema_id: Option<i32>,
    value_schema_id: Option<i32>,
}

#[derive(Debug, Serialize)]
struct RecordAnswer {
    partition: Option<i32>,
    offset: Option<i64>,
    error_code: Option<u32>,
    error: Option<String>,
}

/// Where each record is now. Where none could be written, that is the answer to the request as a whole, so that who looks
/// at the status alone is not deceived.
pub fn answer(plan: &Plan, partitions: &[i32], outcomes: &[Outcome]) -> Result<Answer, HttpError> {
    let answers: Vec<Result<RecordAnswer, HttpError>> =
        plan.places.iter().map(|place| one(place, partitions, outcomes)).collect();
    if answers.iter().all(Result::is_err)
        && let Some(Err(error)) = answers.into_iter().next()
    {
        return Err(error);
    }
    let offsets = plan.places.iter().map(|place| one(place, partitions, outcomes).unwrap_or_else(failed)).collect();
    Ok(Answer { offsets, key_schema_id: None, value_schema_id: None })
}

fn one(place: &Place, partitions: &[i32], outcomes: &[Outcome]) -> Result<RecordAnswer, HttpError> {
    let draining = Err(ProduceError::Draining);
    let ack = outcomes.get(place.append).unwrap_or(&draining).as_ref().map_err(|error| error.clone())?;
    Ok(RecordAnswer {
        partition: partitions.get(place.append).copied(),
        offset: Some(ack.base_offset.0 + place.index),
        error_code: None,
        error: None,
    })
}

fn failed(error: HttpError) -> RecordAnswer {
    RecordAnswer { partition: None, offset: None, error_code: Some(error.code), error: Some(error.message) }
}
