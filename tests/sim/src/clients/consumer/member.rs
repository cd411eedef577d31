//! The life of a member: joining, heartbeats, reading.

use std::collections::BTreeMap;
use std::time::Duration;

use alluvium_client::{GroupConfig, GroupConsumer, JoinedGeneration, MemberError, TopicLayout};
use alluvium_model::{Offset, PartitionIndex, TopicId, TopicPartition};
use tokio::time::Instant;

use super::super::{Client, Fetched, Fetcher, Reply, Transform, TransformPlan};
use crate::history::{EventKind, FetchOffset, Heartbeat, Isolation, Join, Leave, LeaveReason, Outcome, Position};

/// `heartbeat.interval.ms`.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How a member works.
#[derive(Clone, Debug)]
pub struct ConsumerPlan {
    /// Its group.
    pub group: String,
    /// Its `group.instance.id`, if it is static.
    pub instance: Option<String>,
    /// `session.timeout.ms`.
    pub session_timeout: Duration,
    /// Time between two commits.
    pub commit_interval: Duration,
    /// How long it stays in the group.
    pub stay: Duration,
    /// `isolation.level`.
    pub isolation: Isolation,
    /// The topics that it subscribes to.
    pub topics: Vec<String>,
    /// What it makes of what it reads, if it commits with transactions.
    pub transform: Option<TransformPlan>,
}

/// Joins and leaves the group again and again, until it is stopped.
pub async fn consume(client: Client, plan: ConsumerPlan) {
    let mut transform = plan.transform.clone().map(|transform| Transform::new(&client, transform));
    while !client.stop.is_cancelled() {
        let routes = client.routes();
        let config = GroupConfig {
            group: plan.group.clone(),
            topics: plan.topics.clone(),
            session_timeout: plan.session_timeout,
            rebalance_timeout: Duration::from_secs(10),
            instance: plan.instance.clone(),
        };
        let consumer = GroupConsumer::new(routes, config);
        let leaves = Instant::now() + plan.stay;
        let mut member =
            Member { client: &client, plan: &plan, consumer, held: None, transform: transform.take(), leaves };
        member.live().await;
        transform = member.transform.take();
        client.think(Duration::from_millis(100), Duration::from_secs(5)).await;
    }
}

/// One life of a member.
pub(super) struct Member<'a> {
    pub(super) client: &'a Client,
    pub(super) plan: &'a ConsumerPlan,
    pub(super) consumer: GroupConsumer,
    /// Its assignment, until it records that it has revoked or lost it.
    pub(super) held: Option<Held>,
    /// What makes transactions of what it reads.
    pub(super) transform: Option<Transform<'a>>,
    leaves: Instant,
}

/// What a member has in one generation.
pub(super) struct Held {
    pub(super) generation: JoinedGeneration,
    pub(super) topics: BTreeMap<String, TopicLayout>,
    /// Next offset of each partition that it reads.
    pub(super) positions: BTreeMap<(String, i32), i64>,
    /// The offset from which it has read each partition since its last transaction.
    pub(super) consumed_from: BTreeMap<(String, i32), i64>,
    pub(super) uncommitted: bool,
    next_heartbeat: Instant,
    pub(super) commits: Instant,
}

impl Member<'_> {
    async fn live(&mut self) {
        while !self.client.stop.is_cancelled() && Instant::now() < self.leaves {
            let outcome = if self.held.is_none() { self.join().await } else { self.work().await };
            match outcome {
                Ok(()) => {}
                Err(MemberError::Rebalance) => {
                    if self.client.rng.chance(800) {
                        let _ = self.commit().await;
                    }
                    self.let_go(LeaveReason::Revoked);
                }
                Err(MemberError::Lost(_) | MemberError::Fenced) => {
                    self.let_go(LeaveReason::Lost);
                    if self.plan.instance.is_some() {
                        return;
                    }
                }
                Err(MemberError::Client(_)) => {
                    self.client.think(Duration::from_millis(50), Duration::from_secs(1)).await;
                }
            }
        }
        if self.held.is_some() {
            let _ = self.commit().await;
            let has_members = self.has_members();
            self.let_go(LeaveReason::Left);
            if has_members && self.client.rng.chance(800) {
                let _ = self.consumer.leave().await;
            }
        }
    }

    async fn join(&mut self) -> Result<(), MemberError> {
        let began = self.client.recorder.now();
        let generation = if self.has_members() { self.consumer.join().await? } else { self.take_all().await? };
        let mut topics = BTreeMap::new();
        for name in generation.assignment.keys() {
            if let Ok(layout) = self.consumer.connections().topic(name).await {
                topics.insert(name.clone(), layout);
            }
        }
        let assignment = generation.assignment.iter().flat_map(|(topic, partitions)| {
            let id = topics.get(topic).map(|layout| TopicId(layout.id));
            partitions.iter().filter_map(move |partition| Some(TopicPartition::new(id?, PartitionIndex(*partition))))
        });
        let event = Join {
            began,
            group: self.plan.group.clone(),
            generation: generation.generation,
            member: generation.member.clone(),
            instance: self.plan.instance.clone(),
            assignment: assignment.collect(),
        };
        if self.has_members() {
            self.client.recorder.record(self.client.actor, EventKind::Joined(event));
        }
        self.held = Some(Held {
            generation,
            topics,
            positions: BTreeMap::new(),
            consumed_from: BTreeMap::new(),
            uncommitted: false,
            next_heartbeat: Instant::now() + HEARTBEAT,
            commits: Instant::now() + self.plan.commit_interval,
        });
        Ok(())
    }

    /// Whether its group manages members.
    pub(super) fn has_members(&self) -> bool {
        self.transform.as_ref().is_none_or(|transform| transform.plan.has_members)
    }

    /// All partitions of its topics, in no generation.
    async fn take_all(&mut self) -> Result<JoinedGeneration, MemberError> {
        let mut assignment = BTreeMap::new();
        for name in &self.plan.topics {
            let layout = self.consumer.connections().topic(name).await?;
            assignment.insert(name.clone(), (0..).take(layout.leaders.len()).collect());
        }
        Ok(JoinedGeneration { generation: -1, member: String::new(), assignment })
    }

    fn let_go(&mut self, reason: LeaveReason) {
        let Some(held) = self.held.take() else { return };
        if !self.has_members() {
            return;
        }
        let event = Leave {
            group: self.plan.group.clone(),
            generation: held.generation.generation,
            member: held.generation.member,
            reason,
        };
        self.client.recorder.record(self.client.actor, EventKind::Left(event));
    }

    /// One round: a heartbeat, a fetch and a commit, as they are due.
    async fn work(&mut self) -> Result<(), MemberError> {
        let Some(held) = &self.held else { return Ok(()) };
        let now = Instant::now();
        if now >= held.next_heartbeat && self.has_members() {
            return self.heartbeat().await;
        }
        if now >= held.commits {
            return self.commit().await;
        }
        if self.find_places().await? {
            self.poll().await;
        } else {
            self.client.think(Duration::from_millis(100), Duration::from_secs(1)).await;
        }
        Ok(())
    }

    async fn heartbeat(&mut self) -> Result<(), MemberError> {
        let began = self.client.recorder.now();
        let outcome = self.consumer.heartbeat().await;
        let Some(held) = &mut self.held else { return Ok(()) };
        held.next_heartbeat = Instant::now() + HEARTBEAT;
        let event = Heartbeat {
            began,
            group: self.plan.group.clone(),
            generation: held.generation.generation,
            member: held.generation.member.clone(),
            outcome: match &outcome {
                Ok(()) | Err(MemberError::Rebalance) => Outcome::Done,
                Err(MemberError::Lost(_) | MemberError::Fenced) => Outcome::Refused,
                Err(MemberError::Client(_)) => Outcome::Unknown,
            },
        };
        self.client.recorder.record(self.client.actor, EventKind::Heartbeat(event));
        outcome
    }

    /// Finds the offset to continue from in every partition. Returns whether there is any.
    async fn find_places(&mut self) -> Result<bool, MemberError> {
        if !self.is_ready_to_transform().await {
            return Ok(false);
        }
        let Some(held) = &self.held else { return Ok(false) };
        let missing = |(name, partitions): (&String, &Vec<i32>)| {
            let lost: Vec<i32> = partitions
                .iter()
                .copied()
                .filter(|partition| !held.positions.contains_key(&(name.clone(), *partition)))
                .collect();
            (!lost.is_empty()).then(|| held.topics.get(name).map(|layout| (layout.clone(), lost))).flatten()
        };
        let missing: Vec<(TopicLayout, Vec<i32>)> = held.generation.assignment.iter().filter_map(missing).collect();
        for (layout, partitions) in missing {
            let began = self.client.recorder.now();
            let committed = self.consumer.committed(&layout.name, layout.id, &partitions).await?;
            for (partition, offset) in committed {
                self.place(&layout, partition, offset, began).await;
            }
        }
        Ok(self.held.as_ref().is_some_and(|held| !held.positions.is_empty()))
    }

    async fn place(&mut self, layout: &TopicLayout, partition: i32, committed: i64, began: Duration) {
        let name = TopicPartition::new(TopicId(layout.id), PartitionIndex(partition));
        let event = FetchOffset {
            began,
            group: self.plan.group.clone(),
            partition: name,
            offset: (committed >= 0).then_some(Offset(committed)),
        };
        self.client.recorder.record(self.client.actor, EventKind::FetchedOffset(event));
        let to = if committed >= 0 {
            committed
        } else {
            let Some(start) = self.start(layout, partition).await else { return };
            start
        };
        self.position(layout, partition, to);
    }

    async fn start(&mut self, layout: &TopicLayout, partition: i32) -> Option<i64> {
        let address = layout.leaders.get(usize::try_from(partition).ok()?)?.clone();
        let fetcher = Fetcher {
            topic: layout.clone(),
            max_wait: Duration::ZERO,
            partition_bytes_max: 1,
            isolation: self.plan.isolation,
        };
        fetcher.start(self.consumer.connections(), &address, partition).await.ok()
    }

    fn position_of(&self, topic: &str, partition: i32) -> Option<i64> {
        self.held.as_ref()?.positions.get(&(topic.to_owned(), partition)).copied()
    }

    fn position(&mut self, layout: &TopicLayout, partition: i32, to: i64) {
        let name = TopicPartition::new(TopicId(layout.id), PartitionIndex(partition));
        let Some(held) = &mut self.held else { return };
        held.positions.insert((layout.name.clone(), partition), to);
        held.consumed_from.insert((layout.name.clone(), partition), to);
        let event = Position { partition: name, to: Offset(to) };
        self.client.recorder.record(self.client.actor, EventKind::Positioned(event));
    }

    /// One fetch of the partitions of one topic that one broker leads.
    async fn poll(&mut self) {
        let Some(held) = &self.held else { return };
        let names: Vec<String> = held.topics.keys().cloned().collect();
        let Some(layout) = self.client.rng.pick(&names).and_then(|name| held.topics.get(name)).cloned() else {
            return;
        };
        let places: Vec<(i32, i64)> = held
            .positions
            .iter()
            .filter(|((name, _), _)| *name == layout.name)
            .map(|((_, partition), offset)| (*partition, *offset))
            .collect();
        let leader = |partition: i32| usize::try_from(partition).ok().and_then(|place| layout.leaders.get(place));
        let Some(address) = self.client.rng.pick(&places).and_then(|(partition, _)| leader(*partition)).cloned() else {
            return self.client.think(Duration::from_millis(50), Duration::from_millis(500)).await;
        };
        let led: Vec<(i32, i64)> =
            places.into_iter().filter(|(partition, _)| leader(*partition) == Some(&address)).collect();
        let fetcher = Fetcher {
            topic: layout.clone(),
            max_wait: Duration::from_millis(500),
            partition_bytes_max: self.client.rng.choose(&[300, 1 << 20]),
            isolation: self.plan.isolation,
        };
        let began = self.client.recorder.now();
        match fetcher.fetch(self.consumer.connections(), &address, &led, began).await {
            Ok(fetched) => self.take(&layout, fetched).await,
            Err(_) => self.look_again(&layout.name).await,
        }
    }

    async fn take(&mut self, layout: &TopicLayout, fetched: Vec<Fetched>) {
        for Fetched { partition, reply } in fetched {
            match reply {
                Reply::Polled(poll) => {
                    if let Some(held) = &mut self.held
                        && let Some(position) = held.positions.get_mut(&(layout.name.clone(), partition))
                    {
                        held.uncommitted |= poll.next.0 > *position;
                        *position = poll.next.0;
                    }
                    self.client.recorder.record(self.client.actor, EventKind::Polled(poll));
                }
                Reply::OutOfRange => {
                    let place = self.position_of(&layout.name, partition);
                    if let Some(start) = self.start(layout, partition).await {
                        let name = TopicPartition::new(TopicId(layout.id), PartitionIndex(partition));
                        place.inspect(|place| self.client.report_lost_position(name, *place, start));
                        self.position(layout, partition, start);
                    }
                }
                Reply::Refused(_) => {
                    self.client.think(Duration::from_millis(50), Duration::from_millis(500)).await;
                    self.look_again(&layout.name).await;
                }
            }
        }
    }

    /// Refreshes the layout of a topic. If the topic was deleted and created again, none of its partitions is assigned
    /// here.
    async fn look_again(&mut self, name: &str) {
        let layout = self.consumer.connections().topic(name).await;
        let Some(held) = &mut self.held else { return };
        match layout {
            Ok(layout) if held.topics.get(name).is_some_and(|before| before.id == layout.id) => {
                held.topics.insert(name.to_owned(), layout);
            }
            Ok(_) => {
                held.topics.remove(name);
                held.positions.retain(|(topic, _), _| topic != name);
                held.consumed_from.retain(|(topic, _), _| topic != name);
            }
            Err(_) => {}
        }
    }
}
