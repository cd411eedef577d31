//! Group membership: JoinGroup, SyncGroup, Heartbeat, LeaveGroup; dynamic and static members.

use alluvium_wire::{
    ApiKey,
    messages::{
        heartbeat::HeartbeatRequest,
        join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse},
        leave_group::{LeaveGroupRequest, MemberIdentity},
        sync_group::{SyncGroupRequest, SyncGroupRequestAssignment},
    },
};
use bytes::Bytes;

use crate::{comparison::compare, side::Side};

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn members_join_and_leave_as_in_kafka() {
    compare(alone, &[]).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn strangers_are_refused_as_in_kafka() {
    compare(strangers, &[]).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn groups_rebalance_as_in_kafka() {
    compare(together, &[]).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn static_members_return_as_in_kafka() {
    compare(static_members, &[]).await;
}

/// A member as it stands in requests.
#[derive(Clone)]
pub struct Member {
    pub group: String,
    pub id: String,
    pub generation: i32,
    pub instance: Option<String>,
}

impl Member {
    /// A member that has not joined yet.
    pub fn new(group: &str) -> Self {
        Self { group: group.to_owned(), id: String::new(), generation: -1, instance: None }
    }

    /// Joins alone and is assigned something: its group is stable.
    pub async fn in_stable_group(side: &Side, group: &str, protocol_type: &str) -> Self {
        let mut member = Self::new(group);
        let request = |member: &Self| JoinGroupRequest { protocol_type: protocol_type.to_owned(), ..member.join() };
        let JoinGroupResponse { member_id, .. } = side.ask(&request(&member)).await;
        member.id = member_id;
        let joined = side.ask(&request(&member)).await;
        assert!(joined.error_code.is_none(), "{}: {joined:?}", side.address);
        member.generation = joined.generation_id;
        let sync = SyncGroupRequest { protocol_type: Some(protocol_type.to_owned()), ..member.sync(&[&member.id]) };
        let synced = side.ask(&sync).await;
        assert!(synced.error_code.is_none(), "{}: {synced:?}", side.address);
        member
    }

    pub fn join(&self) -> JoinGroupRequest {
        let protocol = |name: &str| JoinGroupRequestProtocol {
            name: name.to_owned(),
            // A consumer's subscription: version 0, no topics, no user data.
            metadata: Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
        };
        JoinGroupRequest {
            group_id: self.group.clone(),
            session_timeout_ms: 30_000,
            rebalance_timeout_ms: 30_000,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            protocol_type: "consumer".into(),
            protocols: vec![protocol("range"), protocol("sticky")],
            reason: None,
        }
    }

    /// Syncs, with something for each of `members`.
    pub fn sync(&self, members: &[&str]) -> SyncGroupRequest {
        let assignment = |member: &&str| SyncGroupRequestAssignment {
            member_id: (*member).to_owned(),
            assignment: Bytes::from_static(b"something"),
        };
        SyncGroupRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            protocol_type: Some("consumer".into()),
            protocol_name: Some("range".into()),
            assignments: members.iter().map(assignment).collect(),
        }
    }

    pub fn heartbeat(&self) -> HeartbeatRequest {
        HeartbeatRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
        }
    }

    pub fn leave(&self) -> LeaveGroupRequest {
        let identity =
            MemberIdentity { member_id: self.id.clone(), group_instance_id: self.instance.clone(), reason: None };
        LeaveGroupRequest { group_id: self.group.clone(), member_id: self.id.clone(), members: vec![identity] }
    }

    /// The member as the answer to its JoinGroup describes it.
    fn joined(&mut self, answer: Option<JoinGroupResponse>) {
        let Some(answer) = answer else { return };
        self.id = answer.member_id;
        self.generation = answer.generation_id;
    }
}

async fn alone(side: &mut Side) {
    for version in side.versions(ApiKey::JoinGroup) {
        let mut member = Member::new(&side.name(&format!("alone-{version}")));
        let answer = side.at("first", version, &member.join()).await;
        member.joined(answer);
        let answer = side.at("with the id", version, &member.join()).await;
        member.joined(answer);
        for sync in side.versions(ApiKey::SyncGroup) {
            side.at(&format!("joined in {version}"), sync, &member.sync(&[&member.id])).await;
        }
        side.at(&format!("joined in {version}"), 4, &member.heartbeat()).await;
        let answer = side.at("again, as it was", version, &member.join()).await;
        member.joined(answer);
        side.at(&format!("joined again in {version}"), 4, &member.heartbeat()).await;
        side.at(&format!("joined again in {version}"), 5, &member.sync(&[&member.id])).await;
        side.at(&format!("joined in {version}"), 5, &member.leave()).await;
        side.at(&format!("left, joined in {version}"), 4, &member.heartbeat()).await;
        side.at("after leaving", version, &member.join()).await;
    }
    for version in side.versions(ApiKey::LeaveGroup) {
        let member = Member::in_stable_group(side, &side.name(&format!("leaving-{version}")), "consumer").await;
        side.at("member", version, &member.leave()).await;
        side.at("member again", version, &member.leave()).await;
    }
}

async fn strangers(side: &mut Side) {
    let group = side.name("strangers");
    let member = Member::in_stable_group(side, &group, "consumer").await;
    let stranger = Member { id: "stranger".into(), ..member.clone() };
    let nobody = Member { id: String::new(), ..member.clone() };
    let late = Member { generation: member.generation - 1, ..member.clone() };
    let early = Member { generation: member.generation + 1, ..member.clone() };
    let unborn = Member { generation: -1, ..member.clone() };
    let lost = Member { group: side.name("no-such-group"), ..member.clone() };
    let nameless = Member { group: String::new(), ..member.clone() };
    let posing = Member { instance: Some("instance".into()), ..member.clone() };
    for (case, member) in [
        ("member", &member),
        ("stranger", &stranger),
        ("nobody", &nobody),
        ("of an earlier generation", &late),
        ("of a later generation", &early),
        ("of no generation", &unborn),
        ("of an unknown group", &lost),
        ("of no group", &nameless),
        ("posing as a static member", &posing),
    ] {
        side.all(case, &member.heartbeat()).await;
        side.all(case, &member.sync(&[])).await;
    }
    for (case, member) in
        [("stranger", &stranger), ("nobody", &nobody), ("of an unknown group", &lost), ("of no group", &nameless)]
    {
        side.all(case, &member.leave()).await;
    }
    // Older versions have no instance id: the member would leave.
    for version in side.versions(ApiKey::LeaveGroup).filter(|version| *version >= 3) {
        side.at("posing as a static member", version, &posing.leave()).await;
    }
    for (case, member) in [("stranger", &stranger), ("of an unknown group", &lost), ("of no group", &nameless)] {
        side.all(case, &member.join()).await;
    }
    side.all("nobody leaves", &LeaveGroupRequest { members: Vec::new(), ..nobody.leave() }).await;
    misfits(side, &group).await;
    let sync = |protocol_type: &str, name: &str| SyncGroupRequest {
        protocol_type: Some(protocol_type.to_owned()),
        protocol_name: Some(name.to_owned()),
        ..member.sync(&[])
    };
    side.all("another protocol type", &sync("connect", "range")).await;
    side.all("another protocol", &sync("consumer", "sticky")).await;
    let silent = SyncGroupRequest { protocol_type: None, protocol_name: None, ..member.sync(&[]) };
    side.all("no protocol", &silent).await;
    side.all("still a member", &member.heartbeat()).await;
}

/// Members that cannot join `group`, a group of consumers.
async fn misfits(side: &mut Side, group: &str) {
    let join = || Member::new(group).join();
    for session_timeout_ms in [5_999, 1_800_001, 0, -1] {
        let request = JoinGroupRequest { session_timeout_ms, ..join() };
        side.all(&format!("session of {session_timeout_ms} ms"), &request).await;
    }
    side.all("no protocols", &JoinGroupRequest { protocols: Vec::new(), ..join() }).await;
    side.all("no protocol type", &JoinGroupRequest { protocol_type: String::new(), ..join() }).await;
    side.all("another protocol type", &JoinGroupRequest { protocol_type: "connect".into(), ..join() }).await;
    let unknown = JoinGroupRequestProtocol { name: "unknown".into(), metadata: Bytes::new() };
    side.all("no common protocol", &JoinGroupRequest { protocols: vec![unknown.clone()], ..join() }).await;
    let group_id = side.name("new");
    let alone = JoinGroupRequest { group_id, protocols: Vec::new(), ..join() };
    side.all("no protocols, of a new group", &alone).await;
    side.all("no protocol type, of a new group", &JoinGroupRequest { protocol_type: String::new(), ..alone }).await;
}

async fn together(side: &mut Side) {
    for version in [0, 3, 4, 5, 7, 9] {
        let group = side.name(&format!("together-{version}"));
        let mut one = Member::in_stable_group(side, &group, "consumer").await;
        side.number_id(&one.id);
        let mut two = Member::new(&group);
        if version >= 4 {
            let answer = side.at("the second", version, &two.join()).await;
            two.joined(answer);
        }
        let joining = side.begin("the second, with its id", version, &two.join()).await;
        side.until(&one.heartbeat(), |answer| !answer.error_code.is_none()).await;
        side.at(&format!("while another joins in {version}"), 4, &one.heartbeat()).await;
        side.at(&format!("while another joins in {version}"), 5, &one.sync(&[&one.id])).await;
        let answer = side.at("the first again", version, &one.join()).await;
        one.joined(answer);
        let answer = side.finish(joining).await;
        two.joined(answer);
        side.at(&format!("before the assignment, joined in {version}"), 4, &one.heartbeat()).await;
        let (leader, follower) = (one.clone(), two.clone());
        let following = side.begin("follower", 5, &follower.sync(&[])).await;
        side.at("leader, forgetting itself", 5, &leader.sync(&[&follower.id])).await;
        side.finish(following).await;
        side.at("follower again", 5, &follower.sync(&[])).await;
        side.at("follower joins again, as it was", version, &follower.join()).await;
        side.at(&format!("after the assignment, joined in {version}"), 4, &follower.heartbeat()).await;
        let both = LeaveGroupRequest {
            members: [&one, &two].map(|member| member.leave().members.remove(0)).to_vec(),
            ..one.leave()
        };
        side.at("both", 5, &both).await;
    }
}

async fn static_members(side: &mut Side) {
    for version in side.versions(ApiKey::JoinGroup).filter(|version| *version >= 5) {
        let group = side.name(&format!("static-{version}"));
        let mut member = Member { instance: Some("one".into()), ..Member::new(&group) };
        let answer = side.at("static, first", version, &member.join()).await;
        member.joined(answer);
        side.at("static", 5, &member.sync(&[&member.id])).await;
        let before = member.clone();
        let mut returned = Member { instance: Some("one".into()), ..Member::new(&group) };
        let answer = side.at("static, returned", version, &returned.join()).await;
        returned.joined(answer);
        side.at("its id of before", 4, &before.heartbeat()).await;
        side.at("its id of before", 5, &before.sync(&[])).await;
        side.at("static, with its id of before", version, &before.join()).await;
        side.at("its id of before", 5, &before.leave()).await;
        side.at("its new id", 5, &returned.sync(&[])).await;
        side.at("its new id", 4, &returned.heartbeat()).await;
        let stranger = Member { id: "stranger".into(), instance: Some("two".into()), ..returned.clone() };
        side.at("unknown instance, with an id", version, &stranger.join()).await;
        side.at("unknown instance", 4, &stranger.heartbeat()).await;
        side.at("unknown instance", 5, &stranger.leave()).await;
        let removal = Member { id: String::new(), ..returned.clone() };
        side.at("by its instance alone", 5, &removal.leave()).await;
        side.at("removed", 4, &returned.heartbeat()).await;
    }
}
