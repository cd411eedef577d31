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
        && let Some(Err(error)) = answers.first()
    {
        return Err(error.clone());
    }
    let offsets = answers.into_iter().map(|answer| answer.unwrap_or_else(failed)).collect();
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

#[cfg(test)]
mod tests {
    use alluvium_model::{Offset, Timestamp};

    use super::*;
    use crate::produce::Ack;

    const ACK: Ack = Ack { base_offset: Offset(7), log_start: Offset(0), duplicate: false, timestamp: Timestamp(1) };

    fn two_batches() -> Plan {
        let place = |append, index| Place { append, index };
        Plan { appends: Vec::new(), places: vec![place(1, 0), place(0, 0), place(0, 1)] }
    }

    #[test]
    fn a_part_that_failed_is_told_record_by_record() {
        let outcomes = [Ok(ACK), Err(ProduceError::Upload("no".into()))];
        let answer = answer(&two_batches(), &[4, 5], &outcomes).expect("some were written");
        let json = serde_json::to_value(&answer).expect("an answer is JSON");
        let failed = "segment upload failed: no";
        assert_eq!(
            json["offsets"],
            serde_json::json!([
                {"partition": null, "offset": null, "error_code": 50003, "error": failed},
                {"partition": 4, "offset": 7, "error_code": null, "error": null},
                {"partition": 4, "offset": 8, "error_code": null, "error": null},
            ])
        );
    }

    #[test]
    fn where_all_failed_the_request_failed() {
        let outcomes = [Err(ProduceError::Draining), Err(ProduceError::Upload("no".into()))];
        let error = answer(&two_batches(), &[4, 5], &outcomes).expect_err("none was written");
        assert_eq!(error.code, 50003);
    }
}
