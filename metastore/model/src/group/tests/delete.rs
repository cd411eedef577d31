use super::*;

fn subscription(topics: &[&str]) -> String {
    let mut bytes = vec![0, 3, 0, 0, 0, u8::try_from(topics.len()).expect("few topics")];
    for topic in topics {
        bytes.extend([0, u8::try_from(topic.len()).expect("short names")]);
        bytes.extend(topic.bytes());
    }
    String::from_utf8(bytes).expect("ascii")
}

#[test]
fn only_a_group_without_members_is_deleted() {
    let mut fixture = Fixture::stable(&["a"]);
    assert_eq!(fixture.group.admit_delete(), Err(GroupError::NonEmpty));
    fixture.leave_as("a").expect("left");
    assert_eq!(fixture.group.admit_delete(), Ok(()));
}

#[test]
fn all_waiting_requests_are_answered_when_the_group_ends() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    let a = fixture.rejoin("a");
    let effects = fixture.group.dissolve(&GroupError::NotCoordinator);
    fixture.note(effects);
    assert_eq!(fixture.join_error(a), GroupError::NotCoordinator);
    assert_eq!(fixture.state(), "Dead");
    assert_eq!(fixture.group.next_deadline(), None);
}

#[test]
fn offsets_of_subscribed_topics_are_kept() {
    let mut fixture = Fixture::new();
    let reads =
        |name: &str, topics: &[&str]| Joiner { protocols: vec![protocol("range", &subscription(topics))], ..old(name) };
    fixture.join(reads("a", &["orders"]));
    fixture.join(reads("b", &["orders", "bills"]));
    fixture.elapse();
    fixture.sync("a");
    let subscriptions = fixture.group.admit_offset_delete().expect("consumers");
    assert!(subscriptions.contains("orders") && subscriptions.contains("bills") && !subscriptions.contains("old"));
}

#[test]
fn a_group_of_consumers_with_unreadable_metadata_counts_as_subscribed_to_everything() {
    let fixture = Fixture::stable(&["a"]);
    assert_eq!(fixture.group.admit_offset_delete(), Ok(Subscriptions::Unknown));
    assert!(Subscriptions::Unknown.contains("anything"));
}

#[test]
fn offsets_of_a_group_of_other_clients_are_deleted_only_when_it_is_empty() {
    let mut fixture = Fixture::new();
    fixture.join(Joiner { protocol_type: "connect".into(), ..old("a") });
    fixture.elapse();
    assert_eq!(fixture.group.admit_offset_delete(), Err(GroupError::NonEmpty));
    fixture.leave_as("a").expect("left");
    let subscriptions = fixture.group.admit_offset_delete().expect("empty");
    assert!(!subscriptions.contains("orders"));
}
