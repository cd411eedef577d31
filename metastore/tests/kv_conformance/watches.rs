//! Watches.

use std::time::Duration;

use alluvium_metastore::kv::{Error, Watch, limits::WATCHES_MAX};
use tokio::time::timeout;

use crate::engines::{Subject, clear_range, get, set};

/// Longer than any engine takes to fire a watch.
const TIMEOUT: Duration = Duration::from_secs(60);

async fn watch(subject: &Subject, key: &str) -> Watch {
    let attempt = subject.begin();
    let watch = attempt.watch(key.as_bytes());
    attempt.commit().await.unwrap();
    watch
}

pub async fn a_watch_fires_when_the_value_changes(subject: Subject) {
    subject.put("a", "1").await;
    let watch = watch(&subject, "a").await;
    subject.put("b", "2").await;
    subject.put("a", "2").await;
    assert_eq!(timeout(TIMEOUT, watch).await, Ok(Ok(())));
}

pub async fn a_watch_does_not_fire_for_the_same_value(subject: Subject) {
    subject.put("a", "1").await;
    let mut watch = watch(&subject, "a").await;
    subject.put("a", "1").await;
    assert!(timeout(subject.negative_timeout, &mut watch).await.is_err());
    subject.put("a", "2").await;
    assert_eq!(timeout(TIMEOUT, watch).await, Ok(Ok(())));
}

pub async fn a_watch_fires_for_a_change_before_it_was_armed(subject: Subject) {
    let attempt = subject.begin();
    assert_eq!(get(&attempt, "a").await, None, "the watch compares with this snapshot");
    let watch = attempt.watch(b"a");
    subject.put("a", "1").await;
    attempt.commit().await.unwrap();
    assert_eq!(timeout(TIMEOUT, watch).await, Ok(Ok(())));
}

pub async fn a_watch_sees_its_own_transactions_write(subject: Subject) {
    let attempt = subject.begin();
    attempt.write(set("a", "mine"));
    let mut watch = attempt.watch(b"a");
    attempt.commit().await.unwrap();
    assert!(timeout(subject.negative_timeout, &mut watch).await.is_err(), "the watch compares with its own write");
    subject.put("a", "theirs").await;
    assert_eq!(timeout(TIMEOUT, watch).await, Ok(Ok(())));
}

pub async fn a_watch_fires_when_a_range_is_cleared(subject: Subject) {
    subject.put("b", "1").await;
    let mut absent = watch(&subject, "c").await;
    let present = watch(&subject, "b").await;
    let attempt = subject.begin();
    attempt.write(clear_range("a", "z"));
    attempt.commit().await.unwrap();
    assert_eq!(timeout(TIMEOUT, present).await, Ok(Ok(())));
    assert!(timeout(subject.negative_timeout, &mut absent).await.is_err(), "nothing changed there");
}

pub async fn a_watch_without_a_commit_is_never_armed(subject: Subject) {
    let attempt = subject.begin();
    let watch = attempt.watch(b"a");
    drop(attempt);
    assert_eq!(timeout(TIMEOUT, watch).await, Ok(Err(Error::WatchNotArmed)));
}

pub async fn armed_watches_are_limited_and_a_dropped_one_makes_room(subject: Subject) {
    let attempt = subject.begin();
    let mut watches: Vec<Watch> = (0..WATCHES_MAX).map(|number| attempt.watch(&number.to_be_bytes())).collect();
    attempt.commit().await.unwrap();
    let one_more = watch(&subject, "a").await;
    assert_eq!(timeout(TIMEOUT, one_more).await, Ok(Err(Error::TooManyWatches)));
    watches.pop();
    let mut instead = watch(&subject, "a").await;
    assert!(timeout(subject.negative_timeout, &mut instead).await.is_err(), "armed, and waiting");
    subject.put("a", "1").await;
    assert_eq!(timeout(TIMEOUT, instead).await, Ok(Ok(())));
}
