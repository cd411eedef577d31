use std::{collections::BTreeSet, time::Duration};

use uuid::Uuid;

use super::super::{ExpiryRule, Generation, SavedState, Snapshot, may_delete_expired};
use crate::{Timestamp, TopicId};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);
const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn topic(number: u128) -> TopicId {
    TopicId(Uuid::from_u128(number))
}

fn empty(protocol_type: Option<&str>) -> Snapshot {
    Snapshot {
        state: SavedState::Empty,
        generation: Generation(1),
        protocol_type: protocol_type.map(Into::into),
        protocol: None,
        leader: None,
        members: Vec::new(),
    }
}

#[test]
fn offsets_of_an_empty_group_expire_together_and_those_of_simple_consumers_each_after_its_commit() {
    let emptied = NOW.plus(WEEK);
    for (protocol_type, until) in [(Some("consumer"), emptied.plus(WEEK)), (None, NOW.plus(WEEK))] {
        let expired =
            |now| ExpiryRule::of_empty(&empty(protocol_type), emptied, now, WEEK).has_expired(topic(1), NOW, None);
        assert!(!expired(until.plus_ms(-1)) && expired(until), "{protocol_type:?}");
    }
}

#[test]
fn offsets_of_subscribed_topics_never_expire() {
    let rule = ExpiryRule::of_subscribed(BTreeSet::from([topic(1)]), NOW.plus(WEEK * 9), WEEK);
    assert!(!rule.has_expired(topic(1), NOW, Some(NOW)));
    assert!(rule.has_expired(topic(2), NOW, None));
}

#[test]
fn an_expiry_time_of_the_consumer_takes_precedence() {
    let rule = ExpiryRule::of_empty(&empty(None), NOW, NOW.plus(WEEK), WEEK);
    assert!(!rule.has_expired(topic(1), NOW, Some(NOW.plus(WEEK).plus_ms(1))));
    assert!(rule.has_expired(topic(1), NOW.plus(WEEK), Some(NOW)));
}

#[test]
fn only_an_empty_group_without_offsets_is_deleted_ten_minutes_after_it_was_saved() {
    let later = NOW.plus(Duration::from_secs(600));
    assert!(may_delete_expired(SavedState::Empty, NOW, false, later));
    assert!(!may_delete_expired(SavedState::Empty, NOW, false, later.plus_ms(-1)));
    assert!(!may_delete_expired(SavedState::Empty, NOW, true, later));
    assert!(!may_delete_expired(SavedState::Stable, NOW, false, later));
}
