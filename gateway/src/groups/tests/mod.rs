//! The coordinator on a store in memory, in virtual time.

mod disconnect;
mod lists;
mod membership;
mod offsets;
mod restart;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_metastore::nodes::{Endpoint, NewNode, Session, SessionConfig};
use alluvium_metastore::{Metastore, fixtures};
use alluvium_model::{Offset, PartitionIndex, Timestamp, TopicId, TopicPartition};
use alluvium_runtime::{ManualClock, SeededRng};
use bytes::Bytes;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::*;
use alluvium_runtime::Tasks;

pub(super) const DELAY: Duration = Duration::from_secs(3);
pub(super) const SESSION: Duration = Duration::from_secs(10);

/// A store, and a coordinator on it that can be started again.
pub(super) struct World {
    pub metastore: Metastore,
    pub clock: Arc<ManualClock>,
    pub groups: Groups,
    tasks: Tasks,
    starts: u64,
}

impl World {
    pub async fn new() -> Self {
        Self::on(fixtures::memory().await).await
    }

    pub async fn faulty(seed: u64) -> Self {
        let faults = KvFaults { seed, conflict_per_mille: 200, unknown_per_mille: 200, ..KvFaults::default() };
        Self::on(fixtures::open(faults).await).await
    }

    async fn on(metastore: Metastore) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1_790_000_000_000)));
        let (groups, tasks) = start(&metastore, &clock, 0).await;
        Self { metastore, clock, groups, tasks, starts: 0 }
    }

    /// Stops the process and starts it again.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.starts += 1;
        (self.groups, self.tasks) = start(&self.metastore, &self.clock, self.starts).await;
    }

    pub async fn stop(&self) {
        assert!(self.tasks.stop(Duration::from_secs(1)).await, "every task ends");
    }

    /// Another coordinator on the same store.
    pub async fn rival(&self) -> Groups {
        start(&self.metastore, &self.clock, 1_000).await.0
    }

    /// A stable group "g" of `names`; their ids, the leader's first.
    pub async fn stable(&self, names: &[&str]) -> Vec<MemberId> {
        let joining: Vec<_> = names.iter().map(|name| self.joining(joiner(name))).collect();
        let mut joined = Vec::new();
        for join in joining {
            joined.push(join.await.expect("not cancelled").expect("joined"));
        }
        joined.sort_by_key(|joined| joined.leader != joined.member);
        let members: Vec<_> = joined.iter().map(|joined| joined.member.clone()).collect();
        let work = members.iter().map(|id| (id.clone(), Bytes::from(format!("work of {id}")))).collect();
        self.groups.sync("g", sync(&joined[0].member, joined[0].generation, work)).await.expect("synced");
        for follower in &joined[1..] {
            let synced = self.groups.sync("g", sync(&follower.member, follower.generation, BTreeMap::new())).await;
            assert_eq!(synced.expect("synced").assignment, Bytes::from(format!("work of {}", follower.member)));
        }
        members
    }

    pub fn joining(&self, joiner: Joiner) -> JoinHandle<Result<Joined, JoinError>> {
        let groups = self.groups.clone();
        tokio::spawn(async move { groups.join("g", joiner).await })
    }

    pub async fn heartbeat(&self, member: &MemberId, generation: i32) -> Result<(), GroupError> {
        self.groups.heartbeat("g", member.clone(), None, Generation(generation)).await
    }

    pub async fn leave(&self, member: &MemberId) {
        let leaver = Leaver { member: Some(member.clone()), instance: None };
        assert_eq!(self.groups.leave("g", vec![leaver]).await, Ok(vec![Ok(())]));
    }

    pub async fn state(&self) -> &'static str {
        self.groups.describe("g").await.expect("served").map_or("missing", |description| description.state)
    }
}

/// A coordinator that is alone on `metastore`: any earlier one loses its leases.
async fn start(metastore: &Metastore, clock: &Arc<ManualClock>, seed: u64) -> (Groups, Tasks) {
    let tasks = Tasks::new(CancellationToken::new());
    let config =
        GroupsConfig { rules: Rules { initial_rebalance_delay: DELAY, ..Rules::default() }, ..GroupsConfig::default() };
    let parts = GroupsParts {
        groups: metastore.groups.clone(),
        offsets: metastore.offsets.clone(),
        transactions: metastore.transactions.clone(),
        leases: metastore.leases.clone(),
        session: session(metastore, seed).await,
        clock: clock.clone(),
        rng: Arc::new(SeededRng::new(seed)),
        tasks: tasks.clone(),
    };
    (Groups::new(config, parts), tasks)
}

async fn session(metastore: &Metastore, seed: u64) -> Session {
    let new = NewNode { kafka: Some(Endpoint { host: "127.0.0.1".to_owned(), port: 9092 }), ..NewNode::default() };
    let (clock, rng) = (Arc::new(ManualClock::new(Timestamp(0))), Arc::new(SeededRng::new(!seed)));
    let opened = Session::open(metastore.nodes.clone(), new, SessionConfig::alone(), clock, rng);
    opened.await.expect("the store accepts a registration")
}

pub(super) fn joiner(name: &str) -> Joiner {
    Joiner {
        member: None,
        instance: None,
        client_id: name.to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout: SESSION,
        rebalance_timeout: Duration::from_secs(60),
        protocol_type: "consumer".into(),
        protocols: vec![Protocol { name: "range".into(), metadata: subscription("orders") }],
        requires_known_member_id: false,
        can_skip_assignment: true,
    }
}

/// The metadata of a consumer of `topic`.
fn subscription(topic: &str) -> Bytes {
    let length = u8::try_from(topic.len()).expect("a short name");
    Bytes::from([&[0, 0, 0, 0, 0, 1, 0, length], topic.as_bytes()].concat())
}

pub(super) fn sync(member: &MemberId, generation: Generation, assignments: BTreeMap<MemberId, Bytes>) -> Sync {
    Sync { member: member.clone(), instance: None, generation, protocol_type: None, protocol: None, assignments }
}

pub(super) fn at(partition: i32) -> TopicPartition {
    TopicPartition::new(TopicId(Uuid::from_u128(1)), PartitionIndex(partition))
}

pub(super) fn new_offset(offset: i64) -> NewOffset {
    NewOffset { offset: Offset(offset), leader_epoch: Some(0), metadata: String::new(), retention: None }
}

pub(super) fn committer(member: &MemberId, generation: i32) -> Committer {
    Committer {
        member: Some(member.clone()),
        instance: None,
        generation: Some(Generation(generation)),
        is_transactional: false,
    }
}
