mod exhaustive;
mod rules;

use std::time::Duration;

use super::{
    End, Init, InitOutcome, Status, Transaction, TransactionError, TransactionVersion, TransactionalProducer, Verdict,
};
use crate::{ProducerId, Timestamp};

const TIMEOUT: Duration = Duration::from_secs(60);
const FRESH: ProducerId = ProducerId(900);

fn producer(id: i64, epoch: i16) -> TransactionalProducer {
    TransactionalProducer::from_raw(id, epoch)
}
