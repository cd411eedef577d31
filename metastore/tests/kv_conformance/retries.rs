//! Transactions as closures, run by `Db` until they are committed.

use std::{sync::atomic::Ordering, time::Duration};

use alluvium_metastore::kv::{Db, Error, Range, Tx};
use futures::future::join_all;
use thiserror::Error;
use tokio::time::timeout;

use crate::engines::Subject;

#[derive(Debug, PartialEq, Eq, Error)]
enum ClosureError {
    #[error("refused")]
    Refused,
    #[error("wrapped: {0}")]
    Wrapped(String),
    #[error(transparent)]
    Kv(#[from] Error),
}

fn number(value: Option<bytes::Bytes>) -> i64 {
    value.map_or(0, |value| i64::from_le_bytes(value.as_ref().try_into().unwrap()))
}

/// Increments the count once, even if an earlier attempt's result was unknown.
async fn increment(tx: Tx, id: &[u8]) -> Result<(), Error> {
    if tx.get(id).await?.is_some() {
        assert!(tx.is_maybe_committed(), "only an earlier attempt of the same run can have written the row");
        return Ok(());
    }
    let count = number(tx.get(b"count").await?);
    tokio::task::yield_now().await;
    tx.set(b"count", &(count + 1).to_le_bytes());
    tx.set(id, b"");
    Ok(())
}

pub async fn increments_of_many_clients_all_count_once(subject: Subject) {
    let (clients, each) = (16u8, 8u8);
    let db = subject.db();
    let client = async |client: u8| {
        for round in 0..each {
            db.run("increment", |tx| async move { increment(tx, &[1, client, round]).await }).await.unwrap();
        }
    };
    join_all((0..clients).map(client)).await;
    let count = db.read("count", |tx| async move { tx.get(b"count").await }).await;
    assert_eq!(number(count.unwrap()), i64::from(clients) * i64::from(each));
    let metrics = db.metrics();
    assert_eq!(metrics.transactions.load(Ordering::Relaxed), u64::from(clients) * u64::from(each) + 1);
    assert!(metrics.conflicts.load(Ordering::Relaxed) > 0);
    assert_eq!(metrics.unknown_results.load(Ordering::Relaxed) > 0, subject.injects_faults);
}

pub async fn an_error_of_the_closure_ends_the_run_without_a_commit(subject: Subject) {
    let db = subject.db();
    let result = db
        .run("refuse", |tx| async move {
            tx.get(b"a").await?;
            tx.set(b"a", b"1");
            Err::<(), _>(ClosureError::Refused)
        })
        .await;
    assert_eq!(result, Err(ClosureError::Refused));
    assert_eq!(db.read("look", |tx| async move { tx.get(b"a").await }).await, Ok(None));
}

pub async fn a_wrapped_retryable_error_is_retried(subject: Subject) {
    let db = subject.db();
    for _ in 0..50 {
        let result = db
            .run("wrap", |tx| async move {
                tx.get(b"a").await.map_err(|error| ClosureError::Wrapped(error.to_string()))?;
                tx.set(b"a", b"1");
                Ok::<(), ClosureError>(())
            })
            .await;
        assert_eq!(result, Ok(()));
    }
}

pub async fn a_read_only_transaction_refuses_writes(subject: Subject) {
    let db = subject.db();
    let result = db.read("write", |tx| async move {
        tx.set(b"a", b"1");
        Ok::<(), Error>(())
    });
    assert_eq!(result.await, Err(Error::ReadOnly));
}

async fn put(db: &Db, key: &'static [u8]) {
    let put = db.run("put", |tx| async move {
        tx.set(key, b"1");
        Ok::<(), Error>(())
    });
    put.await.unwrap();
}

pub async fn a_watch_of_a_read_only_transaction_is_armed(subject: Subject) {
    let db = subject.db();
    let watch = db.read("watch", |tx| async move { Ok::<_, Error>(tx.watch(b"a")) }).await.unwrap();
    put(&db, b"a").await;
    assert_eq!(timeout(Duration::from_secs(60), watch).await, Ok(Ok(())));
}

pub async fn get_all_keeps_the_order_of_the_keys(subject: Subject) {
    let db = subject.db();
    put(&db, b"a").await;
    put(&db, b"c").await;
    // More than are read at once; but if every read may fail, few enough for some attempt to succeed.
    let count = if subject.injects_faults { 30 } else { 600 };
    let keys: Vec<Vec<u8>> = (0..count).map(|number| vec![b"abc"[number % 3]]).collect();
    let keys = &keys;
    let values = db.read("all", |tx| async move { tx.get_all(keys).await }).await.unwrap();
    let found: Vec<bool> = values.iter().map(Option::is_some).collect();
    assert_eq!(found, (0..count).map(|number| number % 3 != 1).collect::<Vec<_>>());
    let rows = db.read("range", |tx| async move { tx.range(Range::prefix("")).await }).await;
    assert_eq!(rows.unwrap().len(), 2);
}
