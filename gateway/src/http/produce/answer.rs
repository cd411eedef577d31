//! The result of each record: `{"offsets": [{"partition", "offset", "error_code", "error"}], ..}`.

use serde::Serialize;

use super::super::error::HttpError;
use super::plan::{Plan, RecordPosition};
use crate::produce::{AppendResult, ProduceError};

/// The answer to a request whose records were valid.
#[derive(Debug, Serialize)]
pub struct ProduceAnswer {
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

/// The offset of each record. If none could be written, the request as a whole fails, so that a client that checks only
/// the status sees it.
pub fn answer(plan: &Plan, partitions: &[i32], outcomes: &[AppendResult]) -> Result<ProduceAnswer, HttpError> {
    let answers: Vec<Result<RecordAnswer, HttpError>> =
        plan.positions.iter().map(|position| one(position, partitions, outcomes)).collect();
    if answers.iter().all(Result::is_err)
        && let Some(Err(error)) = answers.first()
    {
        return Err(error.clone());
    }
    let offsets = answers.into_iter().map(|answer| answer.unwrap_or_else(failed)).collect();
    Ok(ProduceAnswer { offsets, key_schema_id: None, value_schema_id: None })
}

fn one(position: &RecordPosition, partitions: &[i32], outcomes: &[AppendResult]) -> Result<RecordAnswer, HttpError> {
    let draining = Err(ProduceError::Draining);
    let ack = outcomes.get(position.append).unwrap_or(&draining).as_ref().map_err(|error| error.clone())?;
    Ok(RecordAnswer {
        partition: partitions.get(position.append).copied(),
        offset: Some(ack.base_offset.0 + position.index),
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
        let position = |append, index| RecordPosition { append, index };
        Plan { appends: Vec::new(), positions: vec![position(1, 0), position(0, 0), position(0, 1)] }
    }

    #[test]
    fn a_failed_batch_is_reported_for_each_of_its_records() {
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
    fn if_all_batches_failed_the_request_fails() {
        let outcomes = [Err(ProduceError::Draining), Err(ProduceError::Upload("no".into()))];
        let error = answer(&two_batches(), &[4, 5], &outcomes).expect_err("none was written");
        assert_eq!(error.code, 50003);
    }
}
