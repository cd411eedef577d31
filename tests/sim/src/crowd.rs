//! The clients of a run: who there is, how they are started, killed, held up and told to finish.

use std::sync::Arc;
use std::time::Duration;

use alluvium_runtime::SimulatedProcess;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clients::{Client, ConsumerPlan, ProducerPlan, administrate, consume, produce, read};
use crate::dice::Dice;
use crate::network::Place;
use crate::node::Ground;
use crate::plan::Plan;
use crate::recorder::Recorder;
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
pub struct Seat {
    /// What it does.
    pub kind: Kind,
    /// Its name on the network.
    pub name: String,
    simulated: SimulatedProcess,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// All clients.
pub struct Crowd {
    ground: Arc<Ground>,
    recorder: Recorder,
    dice: Dice,
    bootstrap: Vec<String>,
    /// Each of them.
    pub seats: Vec<Seat>,
}

impl Crowd {
    /// Nobody yet.
    #[must_use]
    pub fn empty(ground: Arc<Ground>, recorder: Recorder, dice: Dice, bootstrap: Vec<String>) -> Self {
        Self { ground, recorder, dice, bootstrap, seats: Vec::new() }
    }

    /// Starts the clients of the plan.
    pub fn fill(&mut self) {
        for (number, kind) in kinds(&self.ground.plan).into_iter().enumerate() {
            let seat = self.sit(kind, format!("client {number}"));
            self.seats.push(seat);
        }
    }

    /// A client that is nobody's: for setting up and for looking at the end.
    #[must_use]
    pub fn outsider(&self, name: &str) -> Client {
        self.client(name, CancellationToken::new())
    }

    /// Kills the client at `place`, and starts another of its kind.
    pub fn replace(&mut self, place: usize) {
        let Some(seat) = self.seats.get(place) else { return };
        seat.simulated.end();
        let (kind, name) = (seat.kind.clone(), seat.name.clone());
        let seat = self.sit(kind, name);
        self.seats[place] = seat;
    }

    /// Holds the client at `place` up.
    pub fn pause(&self, place: usize) {
        if let Some(seat) = self.seats.get(place) {
            seat.simulated.pause();
        }
    }

    /// Lets it go on.
    pub fn resume(&self, place: usize) {
        if let Some(seat) = self.seats.get(place) {
            seat.simulated.resume();
        }
    }

    /// Tells all to finish and waits for them; names of those that did not in time.
    pub async fn finish(&mut self, patience: Duration) -> Vec<String> {
        for seat in &self.seats {
            seat.simulated.resume();
            seat.stop.cancel();
        }
        let deadline = tokio::time::Instant::now() + patience;
        let mut late = Vec::new();
        for seat in &mut self.seats {
            if tokio::time::timeout_at(deadline, &mut seat.task).await.is_err() {
                late.push(format!("{} ({:?})", seat.name, seat.kind));
                seat.simulated.end();
            }
        }
        late
    }

    fn client(&self, name: &str, stop: CancellationToken) -> Client {
        let zone = self.dice.pick(&self.ground.plan.zones).filter(|_| self.dice.chance(700)).cloned();
        let clock = SimClock::new(self.ground.origin);
        if self.ground.plan.mischief.skews {
            clock.skew(i64::try_from(self.dice.below(4_000)).unwrap_or(0) - 2_000);
        }
        Client {
            actor: self.recorder.actor(),
            recorder: self.recorder.clone(),
            dice: self.dice.fork(),
            place: Place { name: name.to_owned(), zone },
            clock: Arc::new(clock),
            network: self.ground.network.clone(),
            bootstrap: self.bootstrap.clone(),
            topics: self.ground.plan.topics.iter().map(|topic| topic.name.clone()).collect(),
            stop,
        }
    }

    fn sit(&self, kind: Kind, name: String) -> Seat {
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
            Kind::Administrator => spawn(&simulated, administrate(client, self.ground.plan.topics.clone())),
        };
        Seat { kind, name, simulated, stop, task }
    }

    fn membership(&self, group: usize, number: usize) -> ConsumerPlan {
        let instance = self.ground.plan.static_members.then(|| format!("member-{group}-{number}"));
        ConsumerPlan {
            group: format!("group-{group}"),
            instance,
            session_timeout: Duration::from_secs(self.dice.choose(&[6, 10])),
            commit_interval: self.dice.time(Duration::from_millis(100), Duration::from_secs(5)),
            stay: self.dice.time(Duration::from_secs(5), Duration::from_secs(600)),
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
