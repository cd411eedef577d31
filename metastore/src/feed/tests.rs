use std::{sync::Arc, time::Duration};

use alluvium_model::{Timestamp, limits::FEED_KEEP_MIN};
use alluvium_runtime::SeededRng;

use super::{Feed, FeedEntry, FeedError, FeedPosition};
use crate::{
    Metastore, OpenError, fixtures,
    kv::{self, Db, KvFaults, MemoryEngine, Range},
    leases::{LeaseKey, MaintenanceRole},
};

const NOW: Timestamp = Timestamp(1_790_000_000_000);

#[tokio::test]
async fn entries_are_read_in_pages_from_any_position_on() {
    let metastore = fixtures::memory().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(fixtures::topic(&metastore, name, 1, NOW).await.id);
    }
    let mut position = FeedPosition::START;
    for id in ids {
        let page = metastore.feed.read(&position, 1).await.unwrap();
        assert_eq!(page[0].1, FeedEntry::Topics { ids: vec![id] });
        position = page[0].0;
    }
    assert_eq!(metastore.feed.read(&position, 1).await, Ok(vec![]));
    assert_eq!(metastore.feed.position().await, Ok(position));
}

#[tokio::test(start_paused = true)]
async fn a_reader_waiting_at_the_end_wakes_with_the_next_entry_and_not_before() {
    let metastore = fixtures::memory().await;
    fixtures::topic(&metastore, "a", 1, NOW).await;
    let first = metastore.feed.next(&FeedPosition::START, 9).await.unwrap();
    let position = metastore.feed.position().await.unwrap();
    assert_eq!(first.last().map(|(position, _)| *position), Some(position));
    let waiting = tokio::time::timeout(Duration::from_secs(60), metastore.feed.next(&position, 9));
    assert!(waiting.await.is_err(), "there is nothing new");
    let feed = metastore.feed.clone();
    let waiting = tokio::spawn(async move { feed.next(&position, 9).await });
    tokio::task::yield_now().await;
    let topic = fixtures::topic(&metastore, "b", 1, NOW).await;
    let entries = waiting.await.unwrap().unwrap();
    assert_eq!(entries[0].1, FeedEntry::Topics { ids: vec![topic.id] });
    assert_eq!(entries.len(), 1);
}

#[tokio::test]
async fn more_entries_are_trimmed_than_one_transaction_takes() {
    let metastore = fixtures::memory().await;
    for n in 0..600 {
        fixtures::topic(&metastore, &format!("t{n}"), 1, NOW).await;
    }
    let later = NOW.plus(FEED_KEEP_MIN).plus_ms(1);
    let lease = fixtures::lease(&metastore, LeaseKey::Role(MaintenanceRole::Feed)).await;
    assert_eq!(metastore.feed.trim(&lease, later, Duration::ZERO, 550).await, Ok(550));
    assert_eq!(metastore.feed.trim(&lease, later, Duration::ZERO, 550).await, Ok(50));
}

#[tokio::test]
async fn old_entries_are_trimmed_and_a_reader_that_needed_them_gets_an_error() {
    let metastore = fixtures::memory().await;
    for (n, name) in ["a", "b", "c"].into_iter().enumerate() {
        fixtures::topic(&metastore, name, 1, NOW.plus_ms(n as i64)).await;
    }
    let entries = metastore.feed.read(&FeedPosition::START, 9).await.unwrap();
    let lease = fixtures::lease(&metastore, LeaseKey::Role(MaintenanceRole::Feed)).await;
    let trim = async |after_ms, limit| {
        let now = NOW.plus(FEED_KEEP_MIN).plus_ms(after_ms);
        metastore.feed.trim(&lease, now, Duration::ZERO, limit).await.unwrap()
    };
    assert_eq!(trim(0, 9).await, 0, "nothing is trimmed before the minimum age");
    assert_eq!(trim(2, 1).await, 1);
    assert_eq!(trim(2, 9).await, 1);
    assert_eq!(metastore.feed.read(&entries[0].0, 9).await, Err(FeedError::Lagged));
    assert_eq!(metastore.feed.read(&entries[1].0, 9).await.unwrap(), entries[2..]);
    assert_eq!(trim(3, 9).await, 1);
    assert_eq!(metastore.feed.position().await, Ok(entries[2].0), "an empty feed still has a position");
}

/// A fresh store with all rows of another, as after a restore: its versions begin at 0.
async fn restored(from: &Db) -> Db {
    let rows = from.read("backup", |tx| async move { tx.range(Range::new(vec![], vec![0xff])).await }).await.unwrap();
    let db = Db::new(Arc::new(MemoryEngine::default()), Arc::new(SeededRng::new(1)));
    db.run("restore", |tx| {
        rows.iter().for_each(|(key, value)| tx.set(key, value));
        async { Ok::<_, kv::Error>(()) }
    })
    .await
    .unwrap();
    db
}

#[tokio::test]
async fn a_store_restored_with_lower_versions_is_refused_until_it_was_advanced() {
    let metastore = fixtures::open(KvFaults::none()).await;
    for name in ["a", "b", "c"] {
        fixtures::topic(&metastore, name, 1, NOW).await;
    }
    let position = metastore.feed.position().await.unwrap();
    let db = restored(&metastore.db).await;
    let went_back = kv::Error::VersionsWentBack { found: position.version(), store: 1 };
    let open = async || Metastore::open(db.clone(), &SeededRng::new(1)).await.map(drop);
    assert_eq!(open().await, Err(OpenError::Kv(went_back.clone())));
    assert!(went_back.to_string().contains("advanceversion"), "{went_back}");
    let feed = Feed::new(db.clone());
    let refused = Err(FeedError::Metastore(went_back.clone().into()));
    assert_eq!(feed.read(&position, 9).await, refused, "a reader that was there before the restore");
    assert_eq!(feed.next(&position, 9).await, refused);

    for _ in 0..position.version() {
        let advance = |tx: kv::Tx| async move {
            tx.set(b"\xfe", b"");
            Ok::<_, kv::Error>(())
        };
        db.run("advance", advance).await.unwrap();
    }
    assert_eq!(open().await, Ok(()));
    assert_eq!(feed.read(&position, 9).await, Ok(vec![]));
}

#[tokio::test]
async fn an_empty_feed_still_tells_that_versions_went_back() {
    let metastore = fixtures::open(KvFaults::none()).await;
    for name in ["a", "b", "c"] {
        fixtures::topic(&metastore, name, 1, NOW).await;
    }
    let lease = fixtures::lease(&metastore, LeaseKey::Role(MaintenanceRole::Feed)).await;
    let later = NOW.plus(FEED_KEEP_MIN).plus_ms(1);
    assert_eq!(metastore.feed.trim(&lease, later, Duration::ZERO, 9).await, Ok(3));
    let db = restored(&metastore.db).await;
    let opened = Metastore::open(db, &SeededRng::new(1)).await.map(drop);
    assert!(matches!(opened, Err(OpenError::Kv(kv::Error::VersionsWentBack { .. }))), "{opened:?}");
}
