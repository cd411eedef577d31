//! Groups: one owner, no way back, no lost offset.

use super::story::Story;
use crate::history::{Happening, Outcome};

#[test]
fn members_with_their_own_partitions_are_fine() {
    let mut story = Story::default();
    story.join(1, 1, &[0]);
    story.join(2, 1, &[1]);
    story.beat(1, 1, Outcome::Done);
    story.join(2, 2, &[0, 1]);
    story.beat(1, 1, Outcome::Refused);
    assert!(story.wrong().is_empty());
}

#[test]
fn two_owners_in_one_generation_are_one_too_many() {
    let mut story = Story::default();
    story.join(1, 1, &[0, 1]);
    story.join(2, 1, &[1]);
    assert_eq!(story.wrong(), ["group-double-owner"]);
}

#[test]
fn a_member_may_be_told_its_assignment_twice() {
    let mut story = Story::default();
    story.join(1, 1, &[0]);
    story.join(1, 1, &[0]);
    assert!(story.wrong().is_empty());
}

#[test]
fn a_static_member_takes_its_own_place() {
    let mut story = Story::default();
    for actor in [1, 2] {
        let mut join = story.join_of(actor, 1, &[0]);
        join.instance = Some("i".to_owned());
        story.tell(actor, Happening::Joined(join));
    }
    assert!(story.wrong().is_empty());
}

#[test]
fn an_accepted_heartbeat_of_an_old_generation_is_a_zombie() {
    let mut story = Story::default();
    story.join(1, 1, &[0]);
    story.join(2, 2, &[0]);
    story.beat(1, 1, Outcome::Done);
    assert_eq!(story.wrong(), ["stale-generation-accepted"]);
}

#[test]
fn an_accepted_commit_of_an_old_generation_is_a_zombie() {
    let mut story = Story::default();
    story.join(1, 1, &[0]);
    story.join(2, 2, &[0]);
    story.commit(Some(5), Outcome::Refused);
    assert!(story.wrong().is_empty());
    story.commit(Some(5), Outcome::Done);
    assert_eq!(story.wrong(), ["stale-generation-accepted"]);
}

#[test]
fn a_heartbeat_that_went_out_before_the_next_generation_may_be_accepted() {
    let mut story = Story::default();
    story.join(1, 1, &[0]);
    let began = story.next();
    story.join(2, 2, &[0]);
    story.beat(1, 1, Outcome::Done);
    if let Some(Happening::Heartbeat(beat)) = story.history.events.last_mut().map(|event| &mut event.what) {
        beat.began = began;
    }
    assert!(story.wrong().is_empty());
}

#[test]
fn generations_grow_unless_the_group_was_deleted() {
    let mut story = Story::default();
    story.join(1, 3, &[0]);
    let mut deleted = story.clone();
    story.join(1, 1, &[0]);
    assert_eq!(story.wrong(), ["generation-went-back"]);
    deleted.delete_group(Outcome::Unknown);
    deleted.join(1, 1, &[0]);
    deleted.beat(1, 1, Outcome::Done);
    assert!(deleted.wrong().is_empty());
}

#[test]
fn a_fetched_offset_is_the_last_one_committed() {
    let mut story = Story::default();
    story.fetch(None);
    story.commit(Some(5), Outcome::Done);
    story.fetch(Some(5));
    story.commit(Some(7), Outcome::Done);
    story.fetch(Some(7));
    story.commit(Some(6), Outcome::Done);
    story.fetch(Some(6));
    story.commit(None, Outcome::Done);
    story.fetch(None);
    assert!(story.wrong().is_empty());
}

#[test]
fn an_offset_that_another_replaced_went_back() {
    let mut story = Story::default();
    story.commit(Some(5), Outcome::Done);
    story.commit(Some(7), Outcome::Done);
    story.fetch(Some(5));
    assert_eq!(story.wrong(), ["committed-offset-went-back"]);
}

#[test]
fn no_offset_after_a_commit_is_a_lost_commit() {
    let mut story = Story::default();
    story.commit(Some(5), Outcome::Done);
    story.fetch(None);
    assert_eq!(story.wrong(), ["lost-commit"]);
}

#[test]
fn an_offset_that_nobody_committed_is_no_commit() {
    let mut story = Story::default();
    story.commit(Some(5), Outcome::Done);
    story.commit(Some(6), Outcome::Refused);
    story.fetch(Some(6));
    assert_eq!(story.wrong(), ["lost-commit"]);
}

#[test]
fn a_commit_of_unknown_end_may_come_late_and_stays_once_seen() {
    let mut story = Story::default();
    story.commit(Some(5), Outcome::Done);
    story.commit(Some(6), Outcome::Unknown);
    story.fetch(Some(5));
    story.fetch(Some(6));
    assert!(story.wrong().is_empty());
    story.fetch(Some(5));
    assert_eq!(story.wrong(), ["committed-offset-went-back"]);
}

#[test]
fn offsets_of_a_deleted_topic_may_be_gone() {
    let mut story = Story::default();
    story.commit(Some(5), Outcome::Done);
    story.delete_topic(Outcome::Done);
    story.fetch(None);
    assert!(story.wrong().is_empty());
}
