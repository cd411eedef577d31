//! Versionstamped keys.

use std::collections::BTreeSet;

use alluvium_metastore::kv::{Error, Isolation, Range};
use bytes::Bytes;
use futures::future::join_all;

use crate::engines::{Subject, clear_range, stamped, text};

async fn rows(subject: &Subject) -> Vec<(Bytes, Bytes)> {
    subject.begin().range(&Range::prefix("log/")).await.unwrap()
}

pub async fn stamped_keys_follow_the_order_of_commits(subject: Subject) {
    for number in 0..30 {
        let attempt = subject.begin();
        attempt.write(stamped("log/", "", &number.to_string()));
        attempt.commit().await.unwrap();
    }
    let rows = rows(&subject).await;
    assert!(rows.iter().all(|(key, _)| key.len() == "log/".len() + 10));
    let numbers: Vec<String> = rows.into_iter().map(|(_, value)| text(value)).collect();
    assert_eq!(numbers, (0..30).map(|number| number.to_string()).collect::<Vec<_>>());
}

pub async fn stamped_keys_of_one_transaction_share_a_stamp(subject: Subject) {
    let attempt = subject.begin();
    attempt.write(stamped("log/", "/1", "before it was cleared"));
    attempt.write(clear_range("log/", "log0"));
    attempt.write(stamped("log/", "/2", "a"));
    attempt.write(stamped("log/", "/3", "b"));
    attempt.commit().await.unwrap();
    let rows = rows(&subject).await;
    let [(first, _), (second, _)] = &rows[..] else { panic!("two rows, not {rows:?}") };
    assert_eq!(first[..14], second[..14]);
    assert_eq!((&first[14..], &second[14..]), (&b"/2"[..], &b"/3"[..]));
}

pub async fn stamps_of_concurrent_commits_are_unique(subject: Subject) {
    let attempts: Vec<_> = (0..200).map(|_| subject.begin()).collect();
    attempts.iter().for_each(|attempt| attempt.write(stamped("log/", "", "x")));
    join_all(attempts.iter().map(|attempt| attempt.commit())).await.into_iter().for_each(Result::unwrap);
    let stamps: BTreeSet<Bytes> = rows(&subject).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(stamps.len(), 200);
}

pub async fn no_stamp_that_is_read_is_of_a_later_version_than_the_read(subject: Subject) {
    let mut last = 0;
    for _ in 0..5 {
        let attempt = subject.begin();
        attempt.write(stamped("log/", "", "x"));
        attempt.commit().await.unwrap();
        let attempt = subject.begin();
        let rows = attempt.range(&Range::prefix("log/").reverse().limit(1)).await.unwrap();
        let stamp = u64::from_be_bytes(rows[0].0["log/".len()..][..8].try_into().unwrap());
        let read = attempt.read_version().await.unwrap();
        assert!(last < stamp && stamp <= read, "{last}, {stamp}, {read}");
        last = read;
    }
}

pub async fn stamped_keys_are_unreadable_before_the_commit(subject: Subject) {
    let attempt = subject.begin();
    attempt.write(stamped("log/", "", "x"));
    assert_eq!(attempt.range(&Range::prefix("log/")).await, Err(Error::Unreadable));
    assert_eq!(attempt.get(b"log/\x7f\0\0\0\0\0\0\0\0\0", Isolation::Snapshot).await, Err(Error::Unreadable));
    assert_eq!(attempt.range(&Range::prefix("other/")).await, Ok(Vec::new()));
    // A failed read may also fail the commit, so the commit is tested on another attempt.
    let attempt = subject.begin();
    attempt.write(stamped("log/", "", "x"));
    assert_eq!(attempt.range(&Range::prefix("other/")).await, Ok(Vec::new()));
    attempt.commit().await.unwrap();
}

pub async fn older_stamped_keys_stay_readable(subject: Subject) {
    let first = subject.begin();
    first.write(stamped("log/", "", "x"));
    first.commit().await.unwrap();
    // FoundationDB treats a stamp with the read version itself as one that is still to come.
    subject.put("b", "1").await;
    let attempt = subject.begin();
    // The read version is fixed from here on, and no later stamp is below it.
    attempt.get(b"a", Isolation::Snapshot).await.unwrap();
    attempt.write(stamped("log/", "", "y"));
    assert_eq!(attempt.range(&Range::prefix("log/").limit(1)).await.unwrap().len(), 1);
    attempt.commit().await.unwrap();
    assert_eq!(rows(&subject).await.len(), 2);
}
