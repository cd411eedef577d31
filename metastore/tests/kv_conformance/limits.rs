//! Errors for what exceeds a limit.

use std::time::Duration;

use alluvium_metastore::kv::{
    Error, Isolation, Range,
    limits::{KEY_BYTES_MAX, TRANSACTION_AGE_MAX, VALUE_BYTES_MAX},
};

use crate::engines::{Subject, clear_range, get, set, stamped};

pub async fn keys_and_values_over_their_limits_are_errors(subject: Subject) {
    let commit = async |mutation| {
        let attempt = subject.begin();
        attempt.write(mutation);
        attempt.commit().await
    };
    let (key, value) = ("k".repeat(KEY_BYTES_MAX), "v".repeat(VALUE_BYTES_MAX));
    assert_eq!(commit(set(&key, &value)).await, Ok(()));
    assert_eq!(commit(set(&(key.clone() + "k"), "")).await, Err(Error::KeyTooLarge { bytes: KEY_BYTES_MAX + 1 }));
    assert_eq!(commit(set("k", &(value + "v"))).await, Err(Error::ValueTooLarge { bytes: VALUE_BYTES_MAX + 1 }));
    let stamped = stamped(&key[..KEY_BYTES_MAX - 10], "s", "");
    assert_eq!(commit(stamped).await, Err(Error::KeyTooLarge { bytes: KEY_BYTES_MAX + 1 }));
}

pub async fn a_transaction_over_its_limit_is_an_error(subject: Subject) {
    let value = "v".repeat(VALUE_BYTES_MAX);
    let attempt = subject.begin();
    (0..101).for_each(|number| attempt.write(set(&number.to_string(), &value)));
    let result = attempt.commit().await;
    assert!(matches!(result, Err(Error::TransactionTooLarge { .. })), "{result:?}");
    assert_eq!(subject.read("0").await, None);
}

pub async fn the_engines_own_keys_cannot_be_read_or_written(subject: Subject) {
    let attempt = subject.begin();
    assert_eq!(attempt.get(b"\xff/version", Isolation::Snapshot).await, Err(Error::KeyOutsideLegalRange));
    assert_eq!(attempt.range(&Range::new(*b"", *b"\xff\xff")).await, Err(Error::KeyOutsideLegalRange));
    subject.put("a", "1").await;
    let everything = attempt.range(&Range::prefix("")).await.unwrap();
    assert_eq!(everything.len(), 1, "the engine's own rows stay hidden");
    let end = bytes::Bytes::from_static(b"\xff\xff");
    attempt.write(alluvium_metastore::kv::Mutation::ClearRange { begin: bytes::Bytes::new(), end });
    assert_eq!(attempt.commit().await, Err(Error::KeyOutsideLegalRange));
    let clearing = subject.begin();
    clearing.write(clear_range("", "b"));
    clearing.commit().await.unwrap();
    assert_eq!(subject.read("a").await, None);
}

pub async fn an_inverted_range_is_an_error(subject: Subject) {
    assert_eq!(subject.begin().range(&Range::new("b", "a")).await, Err(Error::InvertedRange));
}

pub async fn an_attempt_that_is_too_old_neither_reads_nor_commits(subject: Subject) {
    let [reading, committing, blind] = [subject.begin(), subject.begin(), subject.begin()];
    get(&reading, "a").await;
    get(&committing, "a").await;
    committing.write(set("b", "1"));
    blind.write(set("c", "1"));
    tokio::time::sleep(TRANSACTION_AGE_MAX + Duration::from_millis(1)).await;
    assert_eq!(reading.get(b"b", Isolation::Snapshot).await, Err(Error::TooOld));
    assert_eq!(reading.range(&Range::prefix("b")).await, Err(Error::TooOld));
    assert_eq!(committing.commit().await, Err(Error::TooOld));
    assert_eq!(blind.commit().await, Ok(()), "an attempt that read nothing cannot be too old");
}
