//! The workload: the clients of a run, and how they are started, killed, paused and stopped.

use std::sync::Arc;
use std::time::Duration;

use alluvium_client::TransactionVersion;
use alluvium_runtime::SimulatedProcess;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clients::{
    Client, ConsumerPlan, ProducerPlan, TransactionalPlan, TransformPlan, administrate, consume, produce, read,
    transact,
};
use crate::history::Isolation;
use crate::network::Place;
use crate::node::Environment;
use crate::plan::{DERIVED, Plan, TransactionsPlan};
use crate::recorder::Recorder;
use crate::rng::SimRng;
use crate::time::SimClock;

/// What a client does.
#[derive(Clone, Debug)]
pub enum ClientKind {
    /// Produces batches.
    Producer,
    /// Reads partitions by offset, without a group.
    Reader,
    /// Is a member of a group: the number of the group, and the number of the member within it.
    Member(usize, usize),
    /// Changes topics.
    Administrator,
    /// Produces transactions with the transactional id of this number.
    Transactional(usize),
    /// Consumes, transforms and produces: as a member of a group, with a transactional id of this number, or with one
    /// that it shares.
    Loop(Option<usize>),
}

/// The place of one client. When the client is killed, another of its kind takes the slot.
pub struct ClientSlot {
    /// What it does.
    pub kind: ClientKind,
    /// The client's name on the network.
    pub name: String,
    simulated: SimulatedProcess,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// All clients of a run.
pub struct Workload {
    environment: Arc<Environment>,
    recorder: Recorder,
    rng: SimRng,
    bootstrap: Vec<String>,
    /// One slot per client.
    pub slots: Vec<ClientSlot>,
}

impl Workload {
    /// A workload without clients.
    #[must_use]
    pub fn empty(environment: Arc<Environment>, recorder: Recorder, rng: SimRng, bootstrap: Vec<String>) -> Self {
        Self { environment, recorder, rng, bootstrap, slots: Vec::new() }
    }

    /// Starts the clients of the plan.
    pub fn start(&mut self) {
        for (number, kind) in client_kinds(&self.environment.plan).into_iter().enumerate() {
            let slot = self.start_client(kind, format!("client {number}"));
            self.slots.push(slot);
        }
    }

    /// A client outside the slots: it sets the run up, or checks its end.
    #[must_use]
    pub fn extra_client(&self, name: &str) -> Client {
        self.client(name, CancellationToken::new())
    }

    /// Kills the client of a slot, and starts another of its kind.
    pub fn replace(&mut self, slot: usize) {
        let Some(old) = self.slots.get(slot) else { return };
        old.simulated.end();
        let (kind, name) = (old.kind.clone(), old.name.clone());
        self.slots[slot] = self.start_client(kind, name);
    }

    /// Pauses the client of a slot.
    pub fn pause(&self, slot: usize) {
        if let Some(slot) = self.slots.get(slot) {
            slot.simulated.pause();
        }
    }

    /// Resumes the client of a slot.
    pub fn resume(&self, slot: usize) {
        if let Some(slot) = self.slots.get(slot) {
            slot.simulated.resume();
        }
    }

    /// Tells all clients to finish and waits for them. Returns the names of those that did not finish within `timeout`.
    pub async fn finish(&mut self, timeout: Duration) -> Vec<String> {
        for slot in &self.slots {
            slot.simulated.resume();
            slot.stop.cancel();
        }
        let deadline = tokio::time::Instant::now() + timeout;
        let mut late = Vec::new();
        for slot in &mut self.slots {
            if tokio::time::timeout_at(deadline, &mut slot.task).await.is_err() {
                late.push(format!("{} ({:?})", slot.name, slot.kind));
                slot.simulated.end();
            }
        }
        late
    }

    fn client(&self, name: &str, stop: CancellationToken) -> Client {
        let zone = self.rng.pick(&self.environment.plan.zones).filter(|_| self.rng.chance(700)).cloned();
        let clock = SimClock::new(self.environment.origin);
        if self.environment.plan.nemesis.skews {
            clock.skew(i64::try_from(self.rng.below(4_000)).unwrap_or(0) - 2_000);
        }
        Client {
            actor: self.recorder.actor(),
            recorder: self.recorder.clone(),
            rng: self.rng.fork(),
            place: Place { name: name.to_owned(), zone },
            clock: Arc::new(clock),
            network: self.environment.network.clone(),
            bootstrap: self.bootstrap.clone(),
            topics: self.environment.plan.topics.iter().map(|topic| topic.name.clone()).collect(),
            committed_per_mille: self.environment.plan.transactions.map_or(0, |plan| plan.committed_per_mille),
            stop,
        }
    }

    fn start_client(&self, kind: ClientKind, name: String) -> ClientSlot {
        let (simulated, stop) = (SimulatedProcess::default(), CancellationToken::new());
        let client = self.client(&name, stop.clone());
        let task = match kind {
            ClientKind::Producer => {
                let plan = ProducerPlan::draw(&client);
                spawn(&simulated, produce(client, plan))
            }
            ClientKind::Reader => spawn(&simulated, read(client)),
            ClientKind::Member(group, number) => {
                let plan = self.consumer_plan(group, number, &client);
                spawn(&simulated, consume(client, plan))
            }
            ClientKind::Transactional(id) => {
                let plan = self.transactional_plan(format!("txn-{id}"));
                spawn(&simulated, transact(client, plan))
            }
            ClientKind::Loop(member) => {
                let plan = self.loop_plan(member);
                spawn(&simulated, consume(client, plan))
            }
            ClientKind::Administrator => {
                let plan = &self.environment.plan;
                let deletes = plan.transactions.is_none_or(|plan| !plan.names_topics);
                spawn(&simulated, administrate(client, plan.topics.clone(), deletes))
            }
        };
        ClientSlot { kind, name, simulated, stop, task }
    }

    fn consumer_plan(&self, group: usize, number: usize, client: &Client) -> ConsumerPlan {
        let instance = self.environment.plan.static_members.then(|| format!("member-{group}-{number}"));
        ConsumerPlan {
            group: format!("group-{group}"),
            instance,
            session_timeout: Duration::from_secs(self.rng.choose(&[6, 10])),
            commit_interval: self.rng.time(Duration::from_millis(100), Duration::from_secs(5)),
            stay: self.rng.time(Duration::from_secs(5), Duration::from_secs(600)),
            isolation: client.isolation(),
            topics: client.topics.clone(),
            transform: None,
        }
    }

    fn loop_plan(&self, member: Option<usize>) -> ConsumerPlan {
        let topics = self.environment.plan.topics.iter().map(|topic| topic.name.clone());
        let inputs: Vec<String> = topics.filter(|name| name != DERIVED).collect();
        let name = member.map_or_else(|| "loop".to_owned(), |number| format!("loop-{number}"));
        ConsumerPlan {
            group: if member.is_some() { "loop-members" } else { "loop" }.to_owned(),
            instance: None,
            session_timeout: Duration::from_secs(6),
            commit_interval: self.rng.time(Duration::from_millis(100), Duration::from_secs(3)),
            stay: self.rng.time(Duration::from_secs(5), Duration::from_secs(600)),
            isolation: Isolation::ReadCommitted,
            // One without members has one topic, always the same.
            topics: if member.is_some() { inputs } else { inputs.into_iter().take(1).collect() },
            transform: Some(TransformPlan {
                producer: self.transactional_plan(name),
                output: DERIVED.to_owned(),
                has_members: member.is_some(),
            }),
        }
    }

    fn transactional_plan(&self, id: String) -> TransactionalPlan {
        let plan = self.environment.plan.transactions;
        let longest = plan.map_or(Duration::from_secs(10), |plan| plan.timeout_max);
        let may_be_old = plan.is_some_and(|plan| plan.names_topics);
        let version = if may_be_old && self.rng.chance(500) { TransactionVersion::V1 } else { TransactionVersion::V2 };
        TransactionalPlan {
            id,
            version,
            timeout: self.rng.time(Duration::from_secs(1), longest),
            request_timeout: self.rng.time(Duration::from_secs(1), Duration::from_secs(10)),
            delivery_timeout: Duration::from_secs(self.rng.between(10, 60)),
            think_max: self.rng.time(Duration::from_millis(20), Duration::from_secs(3)),
        }
    }
}

fn spawn(simulated: &SimulatedProcess, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    let bound = simulated.bind(work);
    tokio::spawn(async move {
        // Killed or done: the difference does not matter here.
        let _ = bound.await;
    })
}

fn client_kinds(plan: &Plan) -> Vec<ClientKind> {
    let members = plan.groups.iter().enumerate();
    let members = members.flat_map(|(group, count)| (0..*count).map(move |number| ClientKind::Member(group, number)));
    (0..plan.producers)
        .map(|_| ClientKind::Producer)
        .chain((0..plan.readers).map(|_| ClientKind::Reader))
        .chain(members)
        .chain((0..plan.administrators).map(|_| ClientKind::Administrator))
        .chain(plan.transactions.iter().flat_map(transactional_kinds))
        .collect()
}

fn transactional_kinds(plan: &TransactionsPlan) -> impl Iterator<Item = ClientKind> + use<> {
    let TransactionsPlan { producers, ids, loops, members, .. } = *plan;
    (0..producers)
        .map(move |number| ClientKind::Transactional(number % ids.max(1)))
        .chain((0..loops).map(|_| ClientKind::Loop(None)))
        .chain((0..members).map(|number| ClientKind::Loop(Some(number))))
}
