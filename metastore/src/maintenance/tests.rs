//! Deleting a group with its offsets, and the expiry of offsets. (Purging topics is tested with topics.)

use std::time::Duration;

use alluvium_model::{
    Timestamp,
    group::{Protocol, SavedState, Snapshot},
};

use crate::{
    Metastore, fixtures,
    leases::{LeaseKey, MaintenanceRole},
    offsets::{
        CommittedOffset,
        tests::{NOW, at, consumers, group, lease, row, saved, simple, topic},
    },
    topics::NewTopic,
};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

#[tokio::test]
async fn a_deleted_group_leaves_nothing_behind() {
    let metastore = fixtures::memory().await;
    let g = group("g");
    let fence = saved(&metastore, "g", &simple()).await;
    let rows: Vec<_> = (0..600).map(|n| (at(1, n), row(1))).chain([(at(2, 0), row(1))]).collect();
    metastore.offsets.commit(&lease(&metastore, "g").await, &g, fence, &rows).await.expect("committed");
    metastore.groups.delete(&lease(&metastore, "g").await, &g, Some(fence)).await.expect("deleted");
    assert_eq!(metastore.groups.load(&g).await.expect("read"), None);
    assert_eq!(metastore.offsets.fetch_all(&g).await.expect("read"), []);
    let left =
        metastore.db.read("all", |tx| async move { tx.range(crate::kv::Range::new(vec![0x50], vec![0x6f])).await });
    assert_eq!(left.await.expect("read"), []);
}

/// Runs the expiry over all groups. Returns the numbers of expired offsets and of deleted groups.
async fn expire_all(metastore: &Metastore, now: Timestamp) -> (usize, usize) {
    let (mut after, mut total) = (None, (0, 0));
    let lease = fixtures::lease(metastore, LeaseKey::Role(MaintenanceRole::Offsets)).await;
    loop {
        let step = metastore.offsets.expire(&lease, now, WEEK, after.as_ref(), 2).await.expect("expired");
        total = (total.0 + step.expired, total.1 + step.deleted);
        match step.next {
            Some(next) => after = Some(next),
            None => return total,
        }
    }
}

#[tokio::test]
async fn offsets_of_a_group_with_unknown_subscriptions_never_expire() {
    let metastore = fixtures::memory().await;
    let connect = Snapshot { protocol_type: Some("connect".into()), ..subscribed(&["orders"]) };
    let rebalancing = Snapshot { state: SavedState::CompletingRebalance, ..subscribed(&["orders"]) };
    for (name, snapshot) in [("unreadable", consumers(1)), ("connect", connect), ("rebalancing", rebalancing)] {
        let fence = saved(&metastore, name, &snapshot).await;
        metastore
            .offsets
            .commit(&lease(&metastore, name).await, &group(name), fence, &[(at(1, 0), row(5))])
            .await
            .expect("committed");
    }
    assert_eq!(expire_all(&metastore, NOW.plus(WEEK * 100)).await, (0, 0));
}

/// A stable group of one consumer of `topics`.
fn subscribed(topics: &[&str]) -> Snapshot {
    let mut metadata = [&[0, 1][..], &u32::try_from(topics.len()).expect("few").to_be_bytes()].concat();
    for topic in topics {
        metadata.extend(u16::try_from(topic.len()).expect("short").to_be_bytes());
        metadata.extend(topic.as_bytes());
    }
    let mut snapshot = Snapshot { protocol: Some("range".into()), ..consumers(1) };
    snapshot.members[0].protocols = vec![Protocol { name: "range".into(), metadata: metadata.into() }];
    snapshot
}

#[tokio::test]
async fn offsets_of_topics_that_members_no_longer_subscribe_to_expire_a_week_after_their_commit() {
    let metastore = fixtures::memory().await;
    let g = group("g");
    for (number, name) in [(1, "orders"), (2, "payments")] {
        let new = NewTopic {
            id: topic(number),
            name: name.to_owned(),
            partitions: 1,
            replication_factor: 1,
            configs: std::collections::BTreeMap::new(),
        };
        metastore.topics.create(new, NOW).await.expect("created");
    }
    let fence = saved(&metastore, "g", &subscribed(&["payments", "orders", "absent"])).await;
    let later = CommittedOffset { committed: NOW.plus(WEEK), ..row(6) };
    let rows = [(at(1, 0), row(5)), (at(2, 0), row(5)), (at(2, 1), later.clone())];
    metastore.offsets.commit(&lease(&metastore, "g").await, &g, fence, &rows).await.expect("committed");
    assert_eq!(expire_all(&metastore, NOW.plus(WEEK * 100)).await, (0, 0));
    metastore
        .groups
        .save(&lease(&metastore, "g").await, &g, Some(fence), 2, &subscribed(&["orders"]), NOW.plus(WEEK))
        .await
        .expect("saved");
    assert_eq!(expire_all(&metastore, NOW.plus(WEEK).plus_ms(-1)).await, (0, 0));
    assert_eq!(expire_all(&metastore, NOW.plus(WEEK)).await, (1, 0));
    assert_eq!(metastore.offsets.fetch_all(&g).await.expect("read"), [(at(1, 0), row(5)), (at(2, 1), later)]);
    assert_eq!(expire_all(&metastore, NOW.plus(WEEK * 100)).await, (1, 0));
    assert_eq!(metastore.offsets.fetch_all(&g).await.expect("read"), [(at(1, 0), row(5))]);
}

#[tokio::test]
async fn offsets_of_an_empty_group_expire_together_a_week_after_it_became_empty() {
    let metastore = fixtures::memory().await;
    let g = group("g");
    let first = saved(&metastore, "g", &consumers(1)).await;
    metastore
        .offsets
        .commit(&lease(&metastore, "g").await, &g, first, &[(at(1, 0), row(5)), (at(2, 0), row(5))])
        .await
        .expect("committed");
    let emptied = NOW.plus(WEEK * 3);
    metastore
        .groups
        .save(&lease(&metastore, "g").await, &g, Some(first), 2, &consumers(0), emptied)
        .await
        .expect("saved");
    assert_eq!(expire_all(&metastore, emptied.plus(WEEK).plus_ms(-1)).await, (0, 0));
    assert_eq!(expire_all(&metastore, emptied.plus(WEEK)).await, (2, 1));
    assert_eq!(metastore.groups.load(&g).await.expect("read"), None);
}

#[tokio::test]
async fn offsets_of_a_simple_consumer_expire_one_by_one_a_week_after_their_commit() {
    let metastore = fixtures::memory().await;
    let g = group("g");
    let fence = saved(&metastore, "g", &simple()).await;
    let later = CommittedOffset { committed: NOW.plus(WEEK), ..row(6) };
    metastore
        .offsets
        .commit(&lease(&metastore, "g").await, &g, fence, &[(at(1, 0), row(5)), (at(1, 1), later.clone())])
        .await
        .expect("committed");
    assert_eq!(expire_all(&metastore, NOW.plus(WEEK)).await, (1, 0));
    assert_eq!(metastore.offsets.fetch_all(&g).await.expect("read"), [(at(1, 1), later)]);
    assert_eq!(expire_all(&metastore, NOW.plus(WEEK * 2)).await, (1, 1));
}

#[tokio::test]
async fn an_expiry_time_from_the_consumer_takes_precedence() {
    let metastore = fixtures::memory().await;
    let fence = saved(&metastore, "g", &simple()).await;
    let short = CommittedOffset { expires: Some(NOW.plus_ms(1_000)), ..row(5) };
    let long = CommittedOffset { expires: Some(NOW.plus(WEEK * 9)), ..row(5) };
    metastore
        .offsets
        .commit(&lease(&metastore, "g").await, &group("g"), fence, &[(at(1, 0), short), (at(1, 1), long)])
        .await
        .expect("committed");
    assert_eq!(expire_all(&metastore, NOW.plus_ms(1_000)).await, (1, 0));
    assert_eq!(expire_all(&metastore, NOW.plus(WEEK * 8)).await, (0, 0));
}

#[tokio::test]
async fn an_empty_group_without_offsets_is_deleted_after_ten_minutes() {
    let metastore = fixtures::memory().await;
    for name in ["a", "b", "c"] {
        saved(&metastore, name, &consumers(0)).await;
    }
    assert_eq!(expire_all(&metastore, NOW.plus_ms(1)).await, (0, 0));
    assert_eq!(expire_all(&metastore, NOW.plus(Duration::from_secs(600))).await, (0, 3));
}
