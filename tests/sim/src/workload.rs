//! The clients of a run: who there is, how they are started, killed, held up and told to finish.

use std::sync::Arc;
use std::time::Duration;

use alluvium_runtime::SimulatedProcess;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clients::{Client, ConsumerPlan, ProducerPlan, administrate, consume, produce, read};
use crate::network::Place;
use crate::node::Environment;
use crate::plan::Plan;
use crate::recorder::Recorder;
use crate::rng::SimRng;
use crate::time::SimClock;

/// What a client is there for.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Produces.
    Producer,
    /// Reads by offset.
    Reader,
    /// Is a member of the group with this number, the so-manieth.
    Member(usize, usize),
    /// Administrates.
    Administrator,
}

/// One client, through all its lives.
pub struct ClientSlot {
    /// What it does.
    pub kind: Kind,
    /// Its name on the network.
    pub name: String,
    simulated: SimulatedProcess,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// All clients.
pub struct Workload {
    environment: Arc<Environment>,
    recorder: Recorder,
    rng: SimRng,
    bootstrap: Vec<String>,
    /// Each of them.
    pub slots: Vec<ClientSlot>,
}

impl Workload {
    /// Nobody yet.
    #[must_use]
    pub fn empty(environment: Arc<Environment>, recorder: Recorder, rng: SimRng, bootstrap: Vec<String>) -> Self {
        Self { environment, recorder, rng, bootstrap, slots: Vec::new() }
    }

    /// Starts the clients of the plan.
    pub fn fill(&mut self) {
        for (number, kind) in kinds(&self.environment.plan).into_iter().enumerate() {
            let slot = self.sit(kind, format!("client {number}"));
            self.slots.push(slot);
        }
    }

    /// A client that is nobody's: for setting up and for looking at the end.
    #[must_use]
    pub fn extra_client(&self, name: &str) -> Client {
        self.client(name, CancellationToken::new())
    }

    /// Kills the client at `place`, and starts another of its kind.
    pub fn replace(&mut self, place: usize) {
        let Some(slot) = self.slots.get(place) else { return };
        slot.simulated.end();
        let (kind, name) = (slot.kind.clone(), slot.name.clone());
        let slot = self.sit(kind, name);
        self.slots[place] = slot;
    }

    /// Holds the client at `place` up.
    pub fn pause(&self, place: usize) {
        if let Some(slot) = self.slots.get(place) {
            slot.simulated.pause();
        }
    }

    /// Lets it go on.
    pub fn resume(&self, place: usize) {
        if let Some(slot) = self.slots.get(place) {
            slot.simulated.resume();
        }
    }

    /// Tells all to finish and waits for them; names of those that did not in time.
    pub async fn finish(&mut self, patience: Duration) -> Vec<String> {
        for slot in &self.slots {
            slot.simulated.resume();
            slot.stop.cancel();
        }
        let deadline = tokio::time::Instant::now() + patience;
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
            stop,
        }
    }

    fn sit(&self, kind: Kind, name: String) -> ClientSlot {
        let (simulated, stop) = (SimulatedProcess::default(), CancellationToken::new());
        let client = self.client(&name, stop.clone());
        let task = match kind {
            Kind::Producer => {
                let plan = ProducerPlan::draw(&client);
                spawn(&simulated, produce(client, plan))
            }
            Kind::Reader => spawn(&simulated, read(client)),
            Kind::Member(group, number) => {
                let plan = self.membership(group, number);
                spawn(&simulated, consume(client, plan))
            }
            Kind::Administrator => spawn(&simulated, administrate(client, self.environment.plan.topics.clone())),
        };
        ClientSlot { kind, name, simulated, stop, task }
    }

    fn membership(&self, group: usize, number: usize) -> ConsumerPlan {
        let instance = self.environment.plan.static_members.then(|| format!("member-{group}-{number}"));
        ConsumerPlan {
            group: format!("group-{group}"),
            instance,
            session_timeout: Duration::from_secs(self.rng.choose(&[6, 10])),
            commit_interval: self.rng.time(Duration::from_millis(100), Duration::from_secs(5)),
            stay: self.rng.time(Duration::from_secs(5), Duration::from_secs(600)),
        }
    }
}

fn spawn(simulated: &SimulatedProcess, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    let bound = simulated.bind(work);
    tokio::spawn(async move {
        // Killed or done: nobody asks.
        let _ = bound.await;
    })
}

fn kinds(plan: &Plan) -> Vec<Kind> {
    let members = plan.groups.iter().enumerate();
    let members = members.flat_map(|(group, count)| (0..*count).map(move |number| Kind::Member(group, number)));
    (0..plan.producers)
        .map(|_| Kind::Producer)
        .chain((0..plan.readers).map(|_| Kind::Reader))
        .chain(members)
        .chain((0..plan.administrators).map(|_| Kind::Administrator))
        .collect()
}
