use std::{ops::Deref, sync::Arc, time::Duration};

use alluvium_model::{
    Timestamp,
    group::{Generation, GroupId, InstanceId, MemberId, Protocol, SavedMember, SavedState, Snapshot},
};
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use super::{
    head_row::{GroupHead, decode_head, encode_head},
    members_row::{decode_members, encode_members},
};
use crate::{Metastore, fixtures, keyspace::RowProblem, kv::KvFaults, leases::LeaseKey};

const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// Groups, each with a coordinator that holds its lease.
struct LeasedGroups(Metastore);

impl LeasedGroups {
    async fn save(
        &self,
        group: &GroupId,
        expected: Option<Fence>,
        token: u64,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Fence, SaveError> {
        let lease = fixtures::lease(&self.0, LeaseKey::Group(group.clone())).await;
        self.0.groups.save(&lease, group, expected, token, snapshot, now).await
    }

    async fn delete(&self, group: &GroupId, expected: Option<Fence>) -> Result<(), SaveError> {
        let lease = fixtures::lease(&self.0, LeaseKey::Group(group.clone())).await;
        self.0.groups.delete(&lease, group, expected).await
    }
}

impl Deref for LeasedGroups {
    type Target = Groups;

    fn deref(&self) -> &Groups {
        &self.0.groups
    }
}

fn group(name: &str) -> GroupId {
    GroupId::new(name).expect("a short name")
}

fn member(name: &str, metadata: usize) -> SavedMember {
    SavedMember {
        id: MemberId::new(name).expect("not empty"),
        instance: (name == "b").then(|| InstanceId::new("disk")),
        client_id: "app".to_owned(),
        client_host: "/10.0.0.1".to_owned(),
        session_timeout: Duration::from_secs(45),
        rebalance_timeout: Duration::from_secs(300),
        protocols: vec![Protocol { name: "range".into(), metadata: Bytes::from(vec![7; metadata]) }],
        assignment: Bytes::from_static(b"work"),
        silent_for: Duration::ZERO,
    }
}

fn snapshot(generation: i32, members: Vec<SavedMember>) -> Snapshot {
    let is_empty = members.is_empty();
    Snapshot {
        state: if is_empty { SavedState::Empty } else { SavedState::Stable },
        generation: Generation(generation),
        protocol_type: Some("consumer".into()),
        protocol: (!is_empty).then(|| "range".into()),
        leader: members.first().map(|member| member.id.clone()),
        members,
    }
}

#[tokio::test]
async fn a_saved_group_is_loaded_as_it_was() {
    let groups = LeasedGroups(fixtures::memory().await);
    let saved = snapshot(3, vec![member("a", 10), member("b", 0)]);
    let fence = groups.save(&group("g"), None, 1, &saved, NOW).await.expect("saved");
    let loaded = groups.load(&group("g")).await.expect("read").expect("there");
    assert_eq!(loaded, Saved { fence, at: NOW, snapshot: saved });
    assert_eq!(groups.load(&group("other")).await.expect("read"), None);
}

#[tokio::test]
async fn a_group_larger_than_a_value_may_be_is_cut_into_chunks_and_shrinks_again() {
    let groups = LeasedGroups(fixtures::memory().await);
    let large = snapshot(1, (0..50).map(|n| member(&format!("m{n:02}"), 20_000)).collect());
    let fence = groups.save(&group("g"), None, 1, &large, NOW).await.expect("saved");
    assert_eq!(groups.load(&group("g")).await.expect("read").expect("there").snapshot, large);
    let small = snapshot(2, vec![member("m00", 5)]);
    groups.save(&group("g"), Some(fence), 2, &small, NOW).await.expect("saved");
    assert_eq!(groups.load(&group("g")).await.expect("read").expect("there").snapshot, small);
}

#[tokio::test]
async fn only_one_of_two_coordinators_that_loaded_the_same_save_saves_the_next() {
    let groups = LeasedGroups(fixtures::memory().await);
    let first = groups.save(&group("g"), None, 1, &snapshot(1, Vec::new()), NOW).await.expect("saved");
    let (a, b) = (snapshot(2, vec![member("a", 1)]), snapshot(2, vec![member("b", 1)]));
    let winner = groups.save(&group("g"), Some(first), 2, &a, NOW).await.expect("saved");
    assert_eq!(groups.save(&group("g"), Some(first), 3, &b, NOW).await, Err(SaveError::Fenced));
    assert_eq!(groups.save(&group("g"), None, 4, &b, NOW).await, Err(SaveError::Fenced));
    assert_eq!(groups.delete(&group("g"), Some(first)).await, Err(SaveError::Fenced));
    assert_eq!(groups.load(&group("g")).await.expect("read").expect("there").fence, winner);
}

#[tokio::test]
async fn a_save_with_an_unknown_result_is_done_once() {
    for seed in 0..20 {
        let faults = KvFaults { seed, unknown_per_mille: 500, conflict_per_mille: 200, ..KvFaults::default() };
        let groups = LeasedGroups(fixtures::open(faults).await);
        let mut fence = None;
        for round in 1..=5 {
            let saved = groups.save(&group("g"), fence, 100 + round, &snapshot(1, Vec::new()), NOW).await;
            fence = Some(saved.unwrap_or_else(|error| panic!("seed {seed}: {error}")));
            assert_eq!(fence, Some(Fence { revision: round, token: 100 + round }));
        }
        groups.delete(&group("g"), fence).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(groups.load(&group("g")).await.expect("read"), None);
    }
}

#[tokio::test]
async fn nothing_is_written_under_a_lease_that_is_not_held_any_more() {
    let store = LeasedGroups(fixtures::memory().await);
    let g = group("g");
    let fence = store.save(&g, None, 1, &snapshot(1, Vec::new()), NOW).await.expect("saved");
    let lease = fixtures::lease(&store.0, LeaseKey::Group(g.clone())).await;
    store.0.leases.release(std::slice::from_ref(&lease)).await.expect("released");
    let saved = store.0.groups.save(&lease, &g, Some(fence), 2, &snapshot(2, Vec::new()), NOW).await;
    assert_eq!(saved, Err(SaveError::Fenced));
    assert_eq!(store.0.groups.delete(&lease, &g, Some(fence)).await, Err(SaveError::Fenced));
    assert_eq!(store.load(&g).await.expect("read").expect("there").fence, fence);
}

#[tokio::test]
async fn a_deleted_group_can_be_saved_anew() {
    let groups = LeasedGroups(fixtures::memory().await);
    let fence = groups.save(&group("g"), None, 1, &snapshot(9, Vec::new()), NOW).await.expect("saved");
    groups.delete(&group("g"), Some(fence)).await.expect("deleted");
    assert_eq!(groups.save(&group("g"), Some(fence), 2, &snapshot(1, Vec::new()), NOW).await, Err(SaveError::Fenced));
    groups.save(&group("g"), None, 3, &snapshot(1, Vec::new()), NOW).await.expect("saved");
}

#[tokio::test]
async fn groups_are_listed_in_pages() {
    let groups = LeasedGroups(fixtures::memory().await);
    for name in ["a", "b", "ab", "", "c"] {
        let members = if name == "b" { vec![member("m", 1)] } else { Vec::new() };
        groups.save(&group(name), None, 1, &snapshot(1, members), NOW).await.expect("saved");
    }
    let (mut names, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = groups.list(after.as_ref(), 2).await.expect("read");
        pages += 1;
        names.extend(page.groups.iter().map(|listed| listed.group.to_string()));
        if let Some(b) = page.groups.iter().find(|listed| listed.group.as_str() == "b") {
            assert_eq!((b.state, b.members, b.protocol_type.as_deref()), (SavedState::Stable, 1, Some("consumer")));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((names, pages), (["", "a", "b", "c", "ab"].map(str::to_owned).to_vec(), 3));
}

#[test]
fn group_rows_of_version_1_are_these_bytes() {
    let head = GroupHead::of(&snapshot(3, vec![member("b", 2)]), Fence { revision: 5, token: 6 }, Timestamp(7));
    let head_bytes = [
        &[1][..],
        &[0, 0, 0, 0, 0, 0, 0, 5],
        &[0, 0, 0, 0, 0, 0, 0, 6],
        &[0, 0, 0, 0, 0, 0, 0, 7],
        &[3],
        &[0, 0, 0, 3],
        b"\x01\x01\x08consumer",
        b"\x01\x01\x05range",
        b"\x01\x01\x01b",
        &[1, 1],
    ]
    .concat();
    assert_eq!(encode_head(&head), head_bytes);
    assert_eq!(decode_head(&head_bytes), Ok(head));
    let members_bytes = [
        &[1, 1, 1][..],
        b"\x01\x01b",
        b"\x01\x01\x04disk",
        b"\x01\x03app",
        b"\x01\x09/10.0.0.1",
        &[2, 0xaf, 0xc8],
        &[3, 0x04, 0x93, 0xe0],
        &[1, 1],
        b"\x01\x05range\x01\x02\x07\x07",
        b"\x01\x04work",
        &[0],
    ]
    .concat();
    assert_eq!(encode_members(&[member("b", 2)]), members_bytes);
    assert_eq!(decode_members(&members_bytes), Ok(vec![member("b", 2)]));
}

#[test]
fn rows_of_an_unknown_version_or_state_are_errors() {
    let head = encode_head(&GroupHead::of(&snapshot(3, Vec::new()), Fence { revision: 5, token: 6 }, NOW));
    let with = |at: usize, byte: u8| {
        let mut bytes = head.clone();
        bytes[at] = byte;
        decode_head(&bytes).map_err(|error| error.problem)
    };
    assert_eq!(with(0, 2), Err(RowProblem::UnknownVersion(2)));
    assert_eq!(with(25, 9), Err(RowProblem::UnknownKind(9)));
    assert_eq!(decode_head(&head[..head.len() - 1]).map_err(|error| error.problem), Err(RowProblem::Short));
    assert_eq!(decode_members(&[2]).map_err(|error| error.problem), Err(RowProblem::UnknownVersion(2)));
}

fn text() -> impl Strategy<Value = String> {
    "[a-z]{1,12}"
}

prop_compose! {
    fn saved_member()(
        id in text(), instance in proptest::option::of(text()), client_id in text(), client_host in text(),
        session in any::<u32>(), rebalance in any::<u32>(),
        protocols in proptest::collection::vec((text(), proptest::collection::vec(any::<u8>(), 0..40)), 0..4),
        assignment in proptest::collection::vec(any::<u8>(), 0..40), silent in any::<u32>(),
    ) -> SavedMember {
        let protocol = |(name, metadata): (String, Vec<u8>)| Protocol { name: name.into(), metadata: metadata.into() };
        SavedMember {
            id: MemberId::new(&id).expect("not empty"),
            instance: instance.map(|text| InstanceId::new(&text)),
            client_id,
            client_host,
            session_timeout: Duration::from_millis(session.into()),
            rebalance_timeout: Duration::from_millis(rebalance.into()),
            protocols: protocols.into_iter().map(protocol).collect(),
            assignment: assignment.into(),
            silent_for: Duration::from_millis(silent.into()),
        }
    }
}

proptest! {
    #[test]
    fn rows_come_back_as_they_were(
        members in proptest::collection::vec(saved_member(), 0..5),
        generation in any::<i32>(), revision in any::<u64>(), token in any::<u64>(), saved in any::<i64>(),
        protocol_type in proptest::option::of(text()),
        state in prop_oneof![
            Just(SavedState::Empty),
            Just(SavedState::CompletingRebalance),
            Just(SavedState::Stable),
            Just(SavedState::PreparingRebalance),
        ],
    ) {
        let snapshot = Snapshot {
            state,
            generation: Generation(generation),
            protocol_type: protocol_type.map(Arc::from),
            protocol: None,
            leader: members.last().map(|member| member.id.clone()),
            members,
        };
        let head = GroupHead::of(&snapshot, Fence { revision, token }, Timestamp(saved));
        prop_assert_eq!(decode_head(&encode_head(&head)), Ok(head.clone()));
        let members = decode_members(&encode_members(&snapshot.members)).expect("well-formed");
        prop_assert_eq!(head.with_members(members), snapshot);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (decode_head(&bytes), decode_members(&bytes));
        let versioned: Vec<u8> = std::iter::once(1).chain(bytes).collect();
        let _ = (decode_head(&versioned), decode_members(&versioned));
    }
}
