//! One run of one seed, from the empty world to the report.

use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::Metastore;
use alluvium_metastore::kv::{Db, Faults, MemoryEngine};
use alluvium_objects::faults::SimulatedBucket;
use alluvium_runtime::{Clock, SeededRng};
use tokio::time::{Instant, sleep};

use crate::bug_injection::Bug;
use crate::checker::{Violation, check};
use crate::clients::create_topics;
use crate::final_check::FinalCheck;
use crate::history::{EventKind, History};
use crate::nemesis::Nemesis;
use crate::network::Network;
use crate::node::{Environment, Machine};
use crate::panics;
use crate::plan::Plan;
use crate::recorder::{Recorder, SYSTEM};
use crate::rng::SimRng;
use crate::time::SimClock;
use crate::workload::Workload;

/// For what clients still have in flight when everything works again: their own patience is less.
const FINISH_TIMEOUT: Duration = Duration::from_secs(300);
/// SendOptions long the load goes on after the end of trouble.
const CALM: Duration = Duration::from_secs(5);
/// Until something is acknowledged after the end of trouble: clients may wait for an answer that was lost, and back off.
const RECOVERY_MAX: Duration = Duration::from_secs(90);
/// For everything of a run: beyond it something waits for nothing.
const RUN_MAX: Duration = Duration::from_secs(6 * 3_600);

/// The invariant that is not in the history.
const NO_PANIC: &str = "nothing panics";

/// What is asked of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// The seed.
    pub seed: u64,
    /// Time of load and trouble, where the seed does not decide.
    pub duration: Option<Duration>,
    /// Every event is told as it happens.
    pub verbose: bool,
    /// The system is broken in this way, and left alone but for that.
    pub bug: Option<Bug>,
}

/// What came of a run.
#[derive(Debug)]
pub struct RunReport {
    /// The seed.
    pub seed: u64,
    /// Everything that happened.
    pub history: History,
    /// What does not hold.
    pub violations: Vec<Violation>,
    /// Virtual time that passed.
    pub elapsed: Duration,
}

/// Runs a seed on a runtime of its own, on this thread.
///
/// # Panics
/// Where the system panics, which is a finding of its own.
#[must_use]
pub fn run(options: RunOptions) -> RunReport {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O has nothing to fail on");
    panics::collect();
    let (history, reported, elapsed) = runtime.block_on(live(options));
    drop(runtime);
    let panicked = panics::take().into_iter().map(|what| Violation { invariant: NO_PANIC, what, events: Vec::new() });
    let violations = panicked.chain(reported).chain(check(&history)).collect();
    RunReport { seed: options.seed, history, violations, elapsed }
}

async fn live(options: RunOptions) -> (History, Vec<Violation>, Duration) {
    let origin = Instant::now();
    let recorder = Recorder::new(origin, options.verbose);
    if tokio::time::timeout(RUN_MAX, play(options, origin, recorder.clone())).await.is_err() {
        recorder.record(SYSTEM, EventKind::Stuck("the run does not come to an end".to_owned()));
    }
    (recorder.take(), recorder.reported(), origin.elapsed())
}

async fn play(options: RunOptions, origin: Instant, recorder: Recorder) {
    let rng = SimRng::new(options.seed);
    let mut plan = Plan::draw(&rng, options.duration);
    if let Some(bug) = options.bug {
        bug.apply(&mut plan);
    }
    tracing::debug!(?plan, "plan");
    let clock = SimClock::new(origin);
    let environment = Arc::new(Environment {
        network: Network::new(rng.fork(), plan.latency_max),
        engine: MemoryEngine::new(Faults::none()),
        bucket: SimulatedBucket::new(move || clock.now().0),
        origin,
        plan,
        bug: options.bug,
    });
    found(&environment, &rng).await;
    let machines: Vec<Machine> =
        environment.plan.nodes.iter().map(|node| Machine::new(environment.clone(), node.clone(), rng.fork())).collect();
    machines.iter().for_each(Machine::start);
    let bootstrap = machines.iter().filter_map(Machine::address).collect();
    let mut workload = Workload::empty(environment.clone(), recorder.clone(), rng.fork(), bootstrap);
    create_topics(&workload.extra_client("founder"), &environment.plan.topics).await;
    workload.fill();
    let mut nemesis = Nemesis {
        environment: &environment,
        machines: &machines,
        workload: &mut workload,
        recorder: recorder.clone(),
        rng: rng.fork(),
    };
    nemesis.run(Instant::now() + environment.plan.duration).await;
    // Whoever deleted a topic may have died before it was there again.
    create_topics(&workload.extra_client("restorer"), &environment.plan.topics).await;
    calm_down(&recorder).await;
    for late in workload.finish(FINISH_TIMEOUT).await {
        recorder.record(SYSTEM, EventKind::Stuck(format!("{late} does not come to an end")));
    }
    let client = workload.extra_client("auditor");
    FinalCheck { environment: &environment, machines: &machines, recorder, client }.audit(rng.seed()).await;
}

/// The load goes on for a while, now that everything works: something is acknowledged soon.
async fn calm_down(recorder: &Recorder) {
    let (before, healed) = (recorder.acked(), Instant::now());
    while recorder.acked() == before {
        if healed.elapsed() >= RECOVERY_MAX {
            recorder.record(SYSTEM, EventKind::Stuck("nothing is acknowledged although everything works".to_owned()));
            return;
        }
        sleep(CALM).await;
    }
}

/// The cluster is there before the first process, so that they do not race to found it.
async fn found(environment: &Environment, rng: &SimRng) {
    let rng = Arc::new(SeededRng::new(rng.seed()));
    let db = Db::new(Arc::new(environment.engine.elsewhere(Faults::none())), rng.clone());
    Metastore::open(db, &*rng).await.expect("a store without faults opens");
}
