//! Leases, under faults.

mod histories;

use std::{sync::atomic::Ordering, time::Duration};

use alluvium_model::{
    AgentId, Extent, ExtentSource, ObjectId, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition,
    group::{Generation, GroupId, SavedState, Snapshot},
    lease::{LeaseKey, MaintenanceRole},
    node::{Incarnation, LeaseOwner, NewNode},
};
use alluvium_runtime::SeededRng;
use futures::future::join_all;
use uuid::Uuid;

use super::{
    key::lease_key,
    row::{LeaseRow, decode, encode},
    *,
};
use crate::{
    Metastore, fixtures,
    keyspace::RowProblem,
    kv::{KvFaults, Tx},
    log::{NewObject, SwapError, TrimError},
};

async fn node(metastore: &Metastore, id: i32) -> LeaseOwner {
    let new = NewNode { id: Some(AgentId(id)), ..NewNode::default() };
    let incarnation = Incarnation(u64::from(id.unsigned_abs()) + 100);
    metastore.nodes.register(&new, incarnation, Timestamp(0)).await.expect("registered").lease_owner()
}

fn group(name: &str) -> LeaseKey {
    LeaseKey::Group(GroupId::new(name).expect("short"))
}

async fn acquire(metastore: &Metastore, key: &LeaseKey, owner: LeaseOwner, seed: u64) -> Option<Lease> {
    let rng = SeededRng::new(seed);
    metastore.leases.acquire(std::slice::from_ref(key), owner, &rng).await.expect("read").remove(0)
}

async fn is_held(metastore: &Metastore, lease: &Lease) -> bool {
    let checked = metastore.db.run("check", |tx: Tx| async move { check(&tx, lease).await }).await;
    assert!(matches!(checked, Ok(()) | Err(CheckError::Fenced)), "{checked:?}");
    checked.is_ok()
}

#[tokio::test]
async fn a_lease_is_held_by_one_owner_until_it_is_released() {
    let metastore = fixtures::memory().await;
    let (one, other) = (node(&metastore, 1).await, node(&metastore, 2).await);
    let lease = acquire(&metastore, &group("g"), one, 1).await.expect("free");
    assert_eq!(acquire(&metastore, &group("g"), other, 2).await, None);
    assert_eq!(metastore.leases.holder(&group("g")).await, Ok(Some(one)));
    assert!(is_held(&metastore, &lease).await);
    metastore.leases.release(std::slice::from_ref(&lease)).await.expect("released");
    assert!(!is_held(&metastore, &lease).await);
    assert_eq!(metastore.leases.holder(&group("g")).await, Ok(None));
    let theirs = acquire(&metastore, &group("g"), other, 3).await.expect("free");
    metastore.leases.release(&[lease]).await.expect("nothing to do");
    assert!(is_held(&metastore, &theirs).await, "only a lease that is held is released");
}

#[tokio::test]
async fn a_lease_ends_with_the_registration_of_its_owner() {
    let metastore = fixtures::memory().await;
    let (one, other) = (node(&metastore, 1).await, node(&metastore, 2).await);
    let old = acquire(&metastore, &group("g"), one, 1).await.expect("free");
    metastore.nodes.leave(one).await.expect("left");
    assert_eq!(metastore.leases.holder(&group("g")).await, Ok(None));
    assert_eq!(acquire(&metastore, &group("g"), one, 2).await, None, "a node that is not registered gets no lease");
    assert!(is_held(&metastore, &old).await, "no node has taken it yet");
    let new = acquire(&metastore, &group("g"), other, 3).await.expect("free");
    assert!(!is_held(&metastore, &old).await);
    assert!(is_held(&metastore, &new).await);
    metastore.nodes.leave(other).await.expect("left");
    // The same node in another registration is another owner.
    let new = NewNode { id: Some(other.id), ..NewNode::default() };
    let again = metastore.nodes.register(&new, Incarnation(7), Timestamp(0)).await.expect("registered").lease_owner();
    assert_eq!(metastore.leases.holder(&group("g")).await, Ok(None));
    assert!(acquire(&metastore, &group("g"), again, 4).await.is_some());
}

#[tokio::test]
async fn a_lease_that_was_lost_and_acquired_again_is_another_one() {
    let metastore = fixtures::memory().await;
    let (one, other) = (node(&metastore, 1).await, node(&metastore, 2).await);
    let first = acquire(&metastore, &group("g"), one, 1).await.expect("free");
    let second = acquire(&metastore, &group("g"), one, 2).await.expect("its own");
    assert!(!is_held(&metastore, &first).await && is_held(&metastore, &second).await);
    metastore.leases.release(std::slice::from_ref(&second)).await.expect("released");
    let theirs = acquire(&metastore, &group("g"), other, 3).await.expect("free");
    metastore.leases.release(&[theirs]).await.expect("released");
    let third = acquire(&metastore, &group("g"), one, 4).await.expect("free");
    assert!(is_held(&metastore, &third).await);
    assert!(!is_held(&metastore, &first).await && !is_held(&metastore, &second).await);
}

#[tokio::test]
async fn those_of_several_leases_that_are_free_are_acquired() {
    let metastore = fixtures::memory().await;
    let (one, other) = (node(&metastore, 1).await, node(&metastore, 2).await);
    let partition = LeaseKey::Partition(TopicPartition::new(TopicId(Uuid::from_u128(3)), PartitionIndex(1)));
    let keys = [group("a"), partition, LeaseKey::Role(MaintenanceRole::Feed)];
    acquire(&metastore, &keys[1], other, 1).await.expect("free");
    let leases = metastore.leases.acquire(&keys, one, &SeededRng::new(2)).await.expect("read");
    assert_eq!(leases.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
    let leases: Vec<_> = leases.into_iter().flatten().collect();
    assert_eq!((&leases[0].key, &leases[1].key), (&keys[0], &keys[2]));
    metastore.leases.release(&leases).await.expect("released");
    for key in &keys {
        assert_eq!(metastore.leases.holder(key).await.expect("read").is_some(), key == &keys[1]);
    }
}

#[tokio::test(start_paused = true)]
async fn exactly_one_of_several_concurrent_owners_acquires_the_lease_under_faults() {
    for seed in 0..30 {
        let faults = KvFaults { seed, conflict_per_mille: 200, unknown_per_mille: 300, ..KvFaults::default() };
        let metastore = fixtures::open(faults).await;
        let mut nodes = Vec::new();
        for id in 0..4 {
            nodes.push(node(&metastore, id).await);
        }
        for round in 0..5_u64 {
            let asking = nodes.iter().zip(1..).map(|(node, n)| {
                let (metastore, node) = (metastore.clone(), *node);
                async move { acquire(&metastore, &group("g"), node, round * 100 + n).await }
            });
            let leases: Vec<_> = join_all(asking).await.into_iter().flatten().collect();
            assert_eq!(leases.len(), 1, "seed {seed}, round {round}");
            assert!(is_held(&metastore, &leases[0]).await, "seed {seed}, round {round}");
            metastore.leases.release(&leases).await.expect("released");
            assert!(!is_held(&metastore, &leases[0]).await, "seed {seed}, round {round}");
        }
    }
}

#[tokio::test]
async fn a_protected_transaction_under_way_fails_when_its_lease_is_taken() {
    let metastore = fixtures::memory().await;
    let (one, other) = (node(&metastore, 1).await, node(&metastore, 2).await);
    let lease = &acquire(&metastore, &group("g"), one, 1).await.expect("free");
    let meta = &metastore;
    let written = metastore
        .db
        .run("protected", |tx: Tx| async move {
            check(&tx, lease).await?;
            // Meanwhile the owner's registration is removed, and another node acquires the lease.
            meta.nodes.leave(one).await?;
            acquire(meta, &group("g"), other, 2).await;
            tx.set(b"\x7fprotected", b"1");
            Ok::<_, CheckError>(())
        })
        .await;
    assert_eq!(written, Err(CheckError::Fenced));
    let read = metastore.db.read("read", |tx: Tx| async move { tx.get(b"\x7fprotected").await }).await;
    assert_eq!(read, Ok(None));
}

#[tokio::test]
async fn the_sweep_removes_the_leases_of_owners_that_are_not_registered_and_no_others() {
    let metastore = fixtures::memory().await;
    let (one, other) = (node(&metastore, 1).await, node(&metastore, 2).await);
    let mut live = Vec::new();
    for n in 0..7 {
        acquire(&metastore, &group(&format!("gone-{n}")), one, n).await.expect("free");
        live.push(acquire(&metastore, &group(&format!("live-{n}")), other, n).await.expect("free"));
    }
    metastore.nodes.leave(one).await.expect("left");
    let (mut after, mut removed) = (None, 0);
    loop {
        let step = metastore.leases.sweep(after.as_deref(), 3).await.expect("swept");
        removed += step.removed;
        match step.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(removed, 7);
    for lease in &live {
        assert!(is_held(&metastore, lease).await);
    }
    assert_eq!(metastore.leases.sweep(None, 100).await.expect("swept").removed, 0);
}

#[test]
fn the_lease_row_of_version_1_and_its_keys_are_these_bytes() {
    let lease = LeaseRow { owner: LeaseOwner { id: AgentId(3), incarnation: Incarnation(4) }, token: 5 };
    let bytes = [&[1][..], &[0, 0, 0, 3], &[0, 0, 0, 0, 0, 0, 0, 4], &[0, 0, 0, 0, 0, 0, 0, 5]].concat();
    assert_eq!(encode(lease), bytes);
    assert_eq!(decode(&bytes), Ok(lease));
    assert_eq!(decode(&[2]).map_err(|error| error.problem), Err(RowProblem::UnknownVersion(2)));
    for cut in 0..bytes.len() {
        assert!(decode(&bytes[..cut]).is_err());
    }
    assert_eq!(lease_key(&group("ab")), b"\x81\x01\x00\x02ab");
    let partition = TopicPartition::new(TopicId(Uuid::from_u128(1)), PartitionIndex(2));
    assert_eq!(lease_key(&LeaseKey::Partition(partition))[..2], [0x81, 2]);
    assert_eq!(lease_key(&LeaseKey::Partition(partition)).len(), 22);
    let roles = [
        MaintenanceRole::Orphans,
        MaintenanceRole::Retired,
        MaintenanceRole::Retention,
        MaintenanceRole::Topics,
        MaintenanceRole::Feed,
        MaintenanceRole::Producers,
        MaintenanceRole::Offsets,
    ];
    assert_eq!(roles.map(|role| lease_key(&LeaseKey::Role(role))[2]), [1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn every_protected_transaction_is_fenced_without_its_lease() {
    let metastore = fixtures::memory().await;
    let (now, day) = (Timestamp(1_790_000_000_000), Duration::from_secs(86_400));
    let topic = fixtures::topic(&metastore, "orders", 1, now).await;
    let partition = TopicPartition::new(topic.id, PartitionIndex(0));
    fixtures::append(&metastore, partition, 1, now).await;
    let extents = metastore.log.find(partition, Offset(0), 1).await.expect("read");
    let source = ExtentSource::History { level: 1, file_bytes: extents[0].bytes };
    let output = Extent { object: ObjectId::new(now, 2, 2), source, ..extents[0].clone() };
    let output = (output, NewObject { key: "history/x".to_owned(), bytes: 1 });
    let lost = async |key: LeaseKey| {
        let lease = fixtures::lease(&metastore, key).await;
        metastore.leases.release(std::slice::from_ref(&lease)).await.expect("released");
        lease
    };
    let role = async |role| lost(LeaseKey::Role(role)).await;
    let before = metastore.db.metrics().rows_written.load(Ordering::Relaxed);
    let leases = [
        lost(LeaseKey::Partition(partition)).await,
        role(MaintenanceRole::Retention).await,
        role(MaintenanceRole::Retired).await,
        role(MaintenanceRole::Topics).await,
        role(MaintenanceRole::Feed).await,
        role(MaintenanceRole::Producers).await,
        role(MaintenanceRole::Offsets).await,
    ];
    let acquiring = metastore.db.metrics().rows_written.load(Ordering::Relaxed) - before;
    let [swap, retention, retired, topics, feed, producers, offsets] = &leases;
    let later = now.plus(day * 30);
    let swapped = metastore.log.swap(swap, partition, &extents, &[output], now, day).await;
    assert_eq!(swapped, Err(SwapError::Fenced));
    assert_eq!(metastore.log.retain(retention, partition, Offset(1), now).await, Err(TrimError::Fenced));
    assert_eq!(metastore.objects.forget(retired, &[extents[0].object]).await, Err(CheckError::Fenced));
    assert_eq!(metastore.topics.purge(topics, topic.id, 10, now).await, Err(CheckError::Fenced));
    assert_eq!(metastore.feed.trim(feed, later, day, 10).await, Err(CheckError::Fenced));
    assert_eq!(metastore.producers.expire(producers, later, day, 10).await, Err(CheckError::Fenced));
    let group = GroupId::new("g").expect("short");
    let coordinator = fixtures::lease(&metastore, LeaseKey::Group(group.clone())).await;
    let empty = Snapshot {
        state: SavedState::Empty,
        generation: Generation(1),
        protocol_type: None,
        protocol: None,
        leader: None,
        members: Vec::new(),
    };
    metastore.groups.save(&coordinator, &group, None, 1, &empty, now).await.expect("saved");
    assert_eq!(metastore.offsets.expire(offsets, later, day, None, 10).await, Err(CheckError::Fenced));
    let written = metastore.db.metrics().rows_written.load(Ordering::Relaxed) - before - acquiring;
    assert_eq!(written, GROUP_ROWS, "of the group alone");
}

/// Rows that saving the group above writes: its lease, its head, its members (cleared, then set).
const GROUP_ROWS: u64 = 4;
