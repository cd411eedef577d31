//! One run of one seed, from an empty environment to the list of violations.

use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::Metastore;
use alluvium_metastore::kv::{Db, KvFaults, MemoryEngine};
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
use crate::steady_load::SteadyLoad;
use crate::time::SimClock;
use crate::workload::Workload;

/// Time for clients to finish what they have in flight once everything works again: their own timeouts are shorter.
const FINISH_TIMEOUT: Duration = Duration::from_secs(300);
/// Pause between two checks whether something was acknowledged.
const RECOVERY_STEP: Duration = Duration::from_secs(5);
/// Time until something is acknowledged after the end of faults: clients may wait for an answer that was lost, and back
/// off.
const RECOVERY_MAX: Duration = Duration::from_secs(90);
/// One of this many seeds has steady load at its end: such a run takes about three times as long.
const STEADY_LOAD_EVERY: u64 = 20;
/// Time limit of a whole run, virtual: a run that takes longer is stuck.
const RUN_MAX: Duration = Duration::from_secs(6 * 3_600);

/// The invariant that does not depend on the history.
const NO_PANIC: &str = "nothing panics";

/// How a run is to be made.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// The seed.
    pub seed: u64,
    /// Time of load and faults; the seed decides if this is `None`.
    pub duration: Option<Duration>,
    /// Prints every event as it happens.
    pub verbose: bool,
    /// Leaves transactions out.
    pub without_transactions: bool,
    /// A bug to inject; the nemesis is then off, except for what the bug needs.
    pub bug: Option<Bug>,
}

/// The result of a run.
#[derive(Debug)]
pub struct RunReport {
    /// The seed.
    pub seed: u64,
    /// Everything that happened.
    pub history: History,
    /// Invariants that do not hold.
    pub violations: Vec<Violation>,
    /// Virtual time that passed.
    pub elapsed: Duration,
}

/// Runs a seed on a runtime of its own, on this thread.
///
/// # Panics
/// If the runtime cannot be built. (A panic of the system is a violation.)
#[must_use]
pub fn run(options: RunOptions) -> RunReport {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O has nothing to fail on");
    panics::collect();
    let (history, reported, elapsed) = runtime.block_on(simulate_in_time(options));
    drop(runtime);
    let panicked = panics::take().into_iter().map(|what| Violation { invariant: NO_PANIC, what, events: Vec::new() });
    let violations = panicked.chain(reported).chain(check(&history)).collect();
    RunReport { seed: options.seed, history, violations, elapsed }
}

async fn simulate_in_time(options: RunOptions) -> (History, Vec<Violation>, Duration) {
    let origin = Instant::now();
    let recorder = Recorder::new(origin, options.verbose);
    if tokio::time::timeout(RUN_MAX, simulate(options, origin, recorder.clone())).await.is_err() {
        recorder.record(SYSTEM, EventKind::Stuck("the run does not come to an end".to_owned()));
    }
    (recorder.take(), recorder.reported(), origin.elapsed())
}

async fn simulate(options: RunOptions, origin: Instant, recorder: Recorder) {
    let rng = SimRng::new(options.seed);
    let mut plan = Plan::draw(&rng, options.duration);
    // Not drawn: a draw would change all runs.
    if options.seed % STEADY_LOAD_EVERY == STEADY_LOAD_EVERY - 1 {
        plan.add_steady_load();
    }
    plan.choose_compression(options.seed);
    if !options.without_transactions {
        plan.add_transactions(options.seed);
    }
    if let Some(bug) = options.bug {
        bug.apply(&mut plan);
    }
    tracing::debug!(?plan, "plan");
    let clock = SimClock::new(origin);
    let environment = Arc::new(Environment {
        network: Network::new(rng.fork(), plan.latency_max),
        engine: MemoryEngine::new(KvFaults::none()),
        bucket: SimulatedBucket::new(move || clock.now().0),
        origin,
        plan,
        bug: options.bug,
    });
    create_cluster(&environment, &rng).await;
    let machines: Vec<Machine> =
        environment.plan.nodes.iter().map(|node| Machine::new(environment.clone(), node.clone(), rng.fork())).collect();
    machines.iter().for_each(Machine::start);
    let bootstrap = machines.iter().filter_map(Machine::address).collect();
    let mut workload = Workload::empty(environment.clone(), recorder.clone(), rng.fork(), bootstrap);
    create_topics(&workload.extra_client("founder"), &environment.plan.topics).await;
    workload.start();
    let mut nemesis = Nemesis {
        environment: &environment,
        machines: &machines,
        workload: &mut workload,
        recorder: recorder.clone(),
        rng: rng.fork(),
    };
    nemesis.run(Instant::now() + environment.plan.duration).await;
    // A client that deleted a topic may have been killed before it created the topic again.
    create_topics(&workload.extra_client("restorer"), &environment.plan.topics).await;
    await_progress(&recorder).await;
    if environment.plan.steady_load {
        go_on_steadily(&environment, &workload, &recorder, options.seed).await;
    }
    for late in workload.finish(FINISH_TIMEOUT).await {
        recorder.record(SYSTEM, EventKind::Stuck(format!("{late} does not come to an end")));
    }
    let client = workload.extra_client("auditor");
    FinalCheck { environment: &environment, machines: &machines, recorder, client }.run(rng.seed()).await;
}

/// Waits until something is acknowledged, now that everything works.
async fn await_progress(recorder: &Recorder) {
    let (before, healed) = (recorder.acked(), Instant::now());
    while recorder.acked() == before {
        if healed.elapsed() >= RECOVERY_MAX {
            recorder.record(SYSTEM, EventKind::Stuck("nothing is acknowledged although everything works".to_owned()));
            return;
        }
        sleep(RECOVERY_STEP).await;
    }
}

/// Lets the load go on while nothing fails, and watches what works behind the write path.
async fn go_on_steadily(environment: &Environment, workload: &Workload, recorder: &Recorder, seed: u64) {
    let rng = Arc::new(SeededRng::new(seed));
    let db = Db::new(Arc::new(environment.engine.for_other_process(KvFaults::none())), rng.clone());
    let metastore = Metastore::open(db, &*rng).await.expect("a store without faults opens");
    let consumer = workload.extra_client("latecomer");
    let watched = SteadyLoad { environment, metastore, recorder: recorder.clone(), consumer }.run().await;
    if let Err(error) = watched {
        recorder.record(SYSTEM, EventKind::Stuck(format!("the metastore cannot be read: {error}")));
    }
}

/// Creates the cluster before the first process starts, so that processes do not race to create it.
async fn create_cluster(environment: &Environment, rng: &SimRng) {
    let rng = Arc::new(SeededRng::new(rng.seed()));
    let db = Db::new(Arc::new(environment.engine.for_other_process(KvFaults::none())), rng.clone());
    Metastore::open(db, &*rng).await.expect("a store without faults opens");
}
