//! Which concurrent attempts conflict.

use alluvium_metastore::kv::{Error, Isolation, Range};
use futures::future::join_all;

use crate::engines::{Subject, add, clear_range, get, set};

pub async fn a_write_to_a_read_key_is_a_conflict(subject: Subject) {
    let attempt = subject.begin();
    assert_eq!(get(&attempt, "a").await, None);
    attempt.write(set("b", "1"));
    subject.put("a", "1").await;
    assert_eq!(attempt.commit().await, Err(Error::Conflict));
    assert_eq!(subject.read("b").await, None);
}

pub async fn a_phantom_in_a_read_range_is_a_conflict(subject: Subject) {
    let attempt = subject.begin();
    assert!(attempt.range(&Range::new("a", "m")).await.unwrap().is_empty());
    attempt.write(set("x", "1"));
    subject.put("c", "1").await;
    assert_eq!(attempt.commit().await, Err(Error::Conflict));
    let beside = subject.begin();
    beside.range(&Range::new("a", "m")).await.unwrap();
    beside.write(set("x", "1"));
    subject.put("m", "1").await;
    assert_eq!(beside.commit().await, Ok(()));
}

pub async fn a_limited_range_conflicts_only_where_it_was_read(subject: Subject) {
    for key in ["b", "d", "f"] {
        subject.put(key, "1").await;
    }
    let query = || Range::new("a", "z").limit(2);
    for (query, beyond, within) in [(query(), "e", "a"), (query().reverse(), "c", "z1")] {
        let attempt = subject.begin();
        assert_eq!(attempt.range(&query).await.unwrap().len(), 2);
        attempt.write(set("x/1", "1"));
        subject.put(beyond, "1").await;
        assert_eq!(attempt.commit().await, Ok(()), "{query:?}");
        let attempt = subject.begin();
        attempt.range(&Range { end: b"zz".to_vec(), ..query.clone() }).await.unwrap();
        attempt.write(set("x/2", "1"));
        subject.put(within, "1").await;
        assert_eq!(attempt.commit().await, Err(Error::Conflict), "{query:?}");
        let clean = subject.begin();
        clean.write(clear_range("", "y"));
        ["b", "d", "f"].iter().for_each(|key| clean.write(set(key, "1")));
        clean.commit().await.unwrap();
    }
}

pub async fn a_cleared_range_conflicts_with_reads_in_it(subject: Subject) {
    let attempt = subject.begin();
    get(&attempt, "c").await;
    attempt.write(set("x", "1"));
    let clearing = subject.begin();
    clearing.write(clear_range("a", "d"));
    clearing.commit().await.unwrap();
    assert_eq!(attempt.commit().await, Err(Error::Conflict));
}

pub async fn writes_alone_never_conflict(subject: Subject) {
    let attempts: Vec<_> = (0..10).map(|_| subject.begin()).collect();
    attempts.iter().for_each(|attempt| attempt.write(set("a", "1")));
    let results = join_all(attempts.iter().map(|attempt| attempt.commit())).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

pub async fn snapshot_reads_never_conflict(subject: Subject) {
    let attempt = subject.begin();
    attempt.get(b"a", Isolation::Snapshot).await.unwrap();
    attempt.range(&Range::new("a", "z").snapshot()).await.unwrap();
    attempt.write(set("x", "1"));
    subject.put("a", "1").await;
    assert_eq!(attempt.commit().await, Ok(()));
}

pub async fn reads_of_own_writes_never_conflict(subject: Subject) {
    let attempt = subject.begin();
    attempt.write(set("a", "mine"));
    assert_eq!(get(&attempt, "a").await.as_deref(), Some("mine"));
    subject.put("a", "theirs").await;
    assert_eq!(attempt.commit().await, Ok(()));
    assert_eq!(subject.read("a").await.as_deref(), Some("mine"));
}

pub async fn of_concurrent_updates_of_one_key_one_commits(subject: Subject) {
    for _ in 0..3 {
        let attempts: Vec<_> = (0..20).map(|_| subject.begin()).collect();
        for attempt in &attempts {
            get(attempt, "a").await;
            attempt.write(add("a", 1));
        }
        let results = join_all(attempts.iter().map(|attempt| attempt.commit())).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(Error::Conflict))), "{results:?}");
    }
    let count = subject.begin().get(b"a", Isolation::Snapshot).await.unwrap();
    assert_eq!(count.as_deref(), Some(&3i64.to_le_bytes()[..]));
}

pub async fn reads_alone_never_conflict(subject: Subject) {
    let attempt = subject.begin();
    get(&attempt, "a").await;
    subject.put("a", "1").await;
    assert_eq!(attempt.commit().await, Ok(()));
}
