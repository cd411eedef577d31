use tokio::time::sleep;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_list_shows_groups_in_memory_and_stored_ones() {
    let mut world = World::new().await;
    world.groups.offset_commit("rest", Committer::default(), vec![(at(0), new_offset(5))]).await.expect("committed");
    let members = world.stable(&["a"]).await;
    let lines = |listed: Vec<ListedGroup>| -> Vec<(String, &'static str, String)> {
        listed.into_iter().map(|listed| (listed.group.to_string(), listed.state, listed.protocol_type)).collect()
    };
    let expected =
        |state| vec![("g".to_owned(), state, "consumer".to_owned()), ("rest".to_owned(), "Empty", String::new())];
    assert_eq!(lines(world.groups.list().await.expect("listed")), expected("Stable"));
    world.restart().await;
    assert_eq!(lines(world.groups.list().await.expect("listed")), expected("Stable"), "from the store alone");
    let _rebalance = world.joining(Joiner { member: Some(members[0].clone()), ..joiner("a") });
    let _newcomer = world.joining(joiner("b"));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(lines(world.groups.list().await.expect("listed")).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn asking_for_groups_that_do_not_exist_leaves_nothing_in_memory() {
    let world = World::new().await;
    let stranger = MemberId::new("stranger").expect("not empty");
    for n in 0..100 {
        let name = format!("none-{n}");
        assert_eq!(world.groups.describe(&name).await, Ok(None));
        let heartbeat = world.groups.heartbeat(&name, stranger.clone(), None, Generation(1)).await;
        assert_eq!(heartbeat, Err(GroupError::UnknownMember));
        assert_eq!(world.groups.delete(&name).await, Err(GroupError::GroupNotFound));
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(world.groups.in_memory(), 0);
    assert_eq!(world.groups.list().await.expect("listed"), []);
}

#[tokio::test(start_paused = true)]
async fn a_group_without_members_leaves_memory_and_comes_back() {
    let world = World::new().await;
    world.groups.offset_commit("g", Committer::default(), vec![(at(0), new_offset(5))]).await.expect("committed");
    assert_eq!(world.groups.in_memory(), 1);
    sleep(Duration::from_secs(61)).await;
    assert_eq!(world.groups.in_memory(), 0);
    world.groups.offset_commit("g", Committer::default(), vec![(at(0), new_offset(6))]).await.expect("committed");
    assert_eq!(world.state().await, "Empty");
}

#[tokio::test(start_paused = true)]
async fn a_group_with_members_is_not_deleted() {
    let world = World::new().await;
    let members = world.stable(&["a"]).await;
    assert_eq!(world.groups.delete("g").await, Err(GroupError::NonEmpty));
    world.leave(&members[0]).await;
    assert_eq!(world.groups.delete("g").await, Ok(()));
    assert_eq!((world.state().await, world.groups.list().await.expect("listed").len()), ("missing", 0));
}

#[tokio::test(start_paused = true)]
async fn a_description_names_clients_and_their_assignments() {
    let world = World::new().await;
    let members = world.stable(&["app"]).await;
    let described = world.groups.describe("g").await.expect("served").expect("there");
    assert_eq!((described.state, described.protocol.as_str()), ("Stable", "range"));
    assert_eq!(described.members[0].client_id, "app");
    assert_eq!(described.members[0].assignment, Bytes::from(format!("work of {}", members[0])));
}
