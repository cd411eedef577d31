//! What an attempt reads: one snapshot and its own writes.

use alluvium_metastore::kv::{Error, Isolation};

use crate::engines::{Subject, clear, get, set};

pub async fn an_attempt_reads_the_snapshot_of_its_first_read(subject: Subject) {
    subject.put("a", "1").await;
    let attempt = subject.begin();
    assert_eq!(get(&attempt, "b").await, None);
    subject.put("a", "2").await;
    subject.put("b", "2").await;
    assert_eq!(get(&attempt, "a").await.as_deref(), Some("1"));
    assert_eq!(get(&attempt, "b").await, None);
    assert_eq!(attempt.get(b"a", Isolation::Snapshot).await.unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(subject.read("a").await.as_deref(), Some("2"));
}

pub async fn a_commit_is_seen_by_attempts_that_begin_after_it(subject: Subject) {
    for round in 0..20 {
        subject.put("a", &round.to_string()).await;
        assert_eq!(subject.read("a").await, Some(round.to_string()));
    }
}

pub async fn uncommitted_writes_are_invisible_to_other_attempts(subject: Subject) {
    let attempt = subject.begin();
    attempt.write(set("a", "1"));
    assert_eq!(subject.read("a").await, None);
    drop(attempt);
    assert_eq!(subject.read("a").await, None);
}

pub async fn own_writes_are_read_before_the_commit(subject: Subject) {
    subject.put("a", "old").await;
    let attempt = subject.begin();
    attempt.write(set("a", "new"));
    attempt.write(set("b", "new"));
    assert_eq!(get(&attempt, "a").await.as_deref(), Some("new"));
    assert_eq!(get(&attempt, "b").await.as_deref(), Some("new"));
    attempt.write(clear("a"));
    assert_eq!(get(&attempt, "a").await, None);
    attempt.commit().await.unwrap();
    assert_eq!(subject.read("a").await, None);
    assert_eq!(subject.read("b").await.as_deref(), Some("new"));
}

pub async fn an_attempt_is_committed_once(subject: Subject) {
    let attempt = subject.begin();
    attempt.write(set("a", "1"));
    attempt.commit().await.unwrap();
    assert_eq!(attempt.commit().await, Err(Error::UsedAfterCommit));
}
