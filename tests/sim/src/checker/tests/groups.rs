//! Groups: one owner, no way back, no lost offset.

use super::history_builder::HistoryBuilder;
use crate::history::{EventKind, Outcome};

#[test]
fn members_with_their_own_partitions_are_fine() {
    let mut builder = HistoryBuilder::default();
    builder.join(1, 1, &[0]);
    builder.join(2, 1, &[1]);
    builder.heartbeat(1, 1, Outcome::Done);
    builder.join(2, 2, &[0, 1]);
    builder.heartbeat(1, 1, Outcome::Refused);
    assert!(builder.violated().is_empty());
}

#[test]
fn two_owners_in_one_generation_are_one_too_many() {
    let mut builder = HistoryBuilder::default();
    builder.join(1, 1, &[0, 1]);
    builder.join(2, 1, &[1]);
    assert_eq!(builder.violated(), ["group-double-owner"]);
}

#[test]
fn a_member_may_be_told_its_assignment_twice() {
    let mut builder = HistoryBuilder::default();
    builder.join(1, 1, &[0]);
    builder.join(1, 1, &[0]);
    assert!(builder.violated().is_empty());
}

#[test]
fn a_static_member_takes_its_own_place() {
    let mut builder = HistoryBuilder::default();
    for actor in [1, 2] {
        let mut join = builder.join_of(actor, 1, &[0]);
        join.instance = Some("i".to_owned());
        builder.record(actor, EventKind::Joined(join));
    }
    assert!(builder.violated().is_empty());
}

#[test]
fn an_accepted_heartbeat_of_an_old_generation_is_a_zombie() {
    let mut builder = HistoryBuilder::default();
    builder.join(1, 1, &[0]);
    builder.join(2, 2, &[0]);
    builder.heartbeat(1, 1, Outcome::Done);
    assert_eq!(builder.violated(), ["stale-generation-accepted"]);
}

#[test]
fn an_accepted_commit_of_an_old_generation_is_a_zombie() {
    let mut builder = HistoryBuilder::default();
    builder.join(1, 1, &[0]);
    builder.join(2, 2, &[0]);
    builder.commit(Some(5), Outcome::Refused);
    assert!(builder.violated().is_empty());
    builder.commit(Some(5), Outcome::Done);
    assert_eq!(builder.violated(), ["stale-generation-accepted"]);
}

#[test]
fn a_heartbeat_that_went_out_before_the_next_generation_may_be_accepted() {
    let mut builder = HistoryBuilder::default();
    builder.join(1, 1, &[0]);
    let began = builder.next();
    builder.join(2, 2, &[0]);
    builder.heartbeat(1, 1, Outcome::Done);
    if let Some(EventKind::Heartbeat(heartbeat)) = builder.history.events.last_mut().map(|event| &mut event.what) {
        heartbeat.began = began;
    }
    assert!(builder.violated().is_empty());
}

#[test]
fn generations_grow_unless_the_group_was_deleted() {
    let mut builder = HistoryBuilder::default();
    builder.join(1, 3, &[0]);
    let mut deleted = builder.clone();
    builder.join(1, 1, &[0]);
    assert_eq!(builder.violated(), ["generation-went-back"]);
    deleted.delete_group(Outcome::Unknown);
    deleted.join(1, 1, &[0]);
    deleted.heartbeat(1, 1, Outcome::Done);
    assert!(deleted.violated().is_empty());
}

#[test]
fn a_fetched_offset_is_the_last_one_committed() {
    let mut builder = HistoryBuilder::default();
    builder.fetch(None);
    builder.commit(Some(5), Outcome::Done);
    builder.fetch(Some(5));
    builder.commit(Some(7), Outcome::Done);
    builder.fetch(Some(7));
    builder.commit(Some(6), Outcome::Done);
    builder.fetch(Some(6));
    builder.commit(None, Outcome::Done);
    builder.fetch(None);
    assert!(builder.violated().is_empty());
}

#[test]
fn an_offset_that_another_replaced_went_back() {
    let mut builder = HistoryBuilder::default();
    builder.commit(Some(5), Outcome::Done);
    builder.commit(Some(7), Outcome::Done);
    builder.fetch(Some(5));
    assert_eq!(builder.violated(), ["committed-offset-went-back"]);
}

#[test]
fn no_offset_after_a_commit_is_a_lost_commit() {
    let mut builder = HistoryBuilder::default();
    builder.commit(Some(5), Outcome::Done);
    builder.fetch(None);
    assert_eq!(builder.violated(), ["lost-commit"]);
}

#[test]
fn an_offset_that_nobody_committed_is_no_commit() {
    let mut builder = HistoryBuilder::default();
    builder.commit(Some(5), Outcome::Done);
    builder.commit(Some(6), Outcome::Refused);
    builder.fetch(Some(6));
    assert_eq!(builder.violated(), ["lost-commit"]);
}

#[test]
fn a_commit_of_unknown_end_may_come_late_and_stays_once_seen() {
    let mut builder = HistoryBuilder::default();
    builder.commit(Some(5), Outcome::Done);
    builder.commit(Some(6), Outcome::Unknown);
    builder.fetch(Some(5));
    builder.fetch(Some(6));
    assert!(builder.violated().is_empty());
    builder.fetch(Some(5));
    assert_eq!(builder.violated(), ["committed-offset-went-back"]);
}

#[test]
fn offsets_of_a_deleted_topic_may_be_gone() {
    let mut builder = HistoryBuilder::default();
    builder.commit(Some(5), Outcome::Done);
    builder.delete_topic(Outcome::Done);
    builder.fetch(None);
    assert!(builder.violated().is_empty());
}
