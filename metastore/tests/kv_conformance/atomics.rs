//! Atomic addition.

use alluvium_metastore::kv::{Error, Isolation};
use bytes::Bytes;
use futures::future::join_all;

use crate::engines::{Subject, add, clear, set};

async fn number(subject: &Subject, key: &str) -> Option<Bytes> {
    subject.begin().get(key.as_bytes(), Isolation::Snapshot).await.unwrap()
}

async fn commit_add(subject: &Subject, key: &str, delta: i64) {
    let attempt = subject.begin();
    attempt.write(add(key, delta));
    attempt.commit().await.unwrap();
}

fn le(number: i64) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(&number.to_le_bytes()))
}

pub async fn adding_to_nothing_starts_at_zero(subject: Subject) {
    commit_add(&subject, "a", -7).await;
    assert_eq!(number(&subject, "a").await, le(-7));
    let attempt = subject.begin();
    attempt.write(clear("a"));
    attempt.write(add("a", 3));
    attempt.write(add("a", 4));
    attempt.commit().await.unwrap();
    assert_eq!(number(&subject, "a").await, le(7));
}

pub async fn adding_wraps_and_takes_eight_bytes(subject: Subject) {
    commit_add(&subject, "a", i64::MAX).await;
    commit_add(&subject, "a", 1).await;
    assert_eq!(number(&subject, "a").await, le(i64::MIN));
    subject.put("short", "\u{1}").await;
    commit_add(&subject, "short", 1).await;
    assert_eq!(number(&subject, "short").await, le(2));
    subject.put("long", "\u{2}\0\0\0\0\0\0\0and more").await;
    commit_add(&subject, "long", 1).await;
    assert_eq!(number(&subject, "long").await, le(3));
}

pub async fn concurrent_additions_all_count(subject: Subject) {
    let attempts: Vec<_> = (0..100).map(|_| subject.begin()).collect();
    attempts.iter().for_each(|attempt| attempt.write(add("a", 2)));
    let results = join_all(attempts.iter().map(|attempt| attempt.commit())).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(number(&subject, "a").await, le(200));
}

pub async fn an_addition_that_was_read_conflicts(subject: Subject) {
    let attempt = subject.begin();
    attempt.write(add("a", 1));
    assert_eq!(attempt.get(b"a", Isolation::Serializable).await.unwrap(), le(1));
    attempt.write(set("b", "1"));
    commit_add(&subject, "a", 1).await;
    assert_eq!(attempt.commit().await, Err(Error::Conflict));
}
