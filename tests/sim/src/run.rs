//! One run of one seed, from the empty world to the verdict.

use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::Metastore;
use alluvium_metastore::kv::{Db, Faults, MemoryEngine};
use alluvium_objects::faults::SimulatedBucket;
use alluvium_runtime::{Clock, SeededRng};
use tokio::time::{Instant, sleep};

use crate::breakage::Breakage;
use crate::checker::{Violation, check};
use crate::clients::create_topics;
use crate::crowd::Crowd;
use crate::dice::Dice;
use crate::finale::Auditor;
use crate::history::{Happening, History};
use crate::mischief::Trickster;
use crate::network::Network;
use crate::node::{Ground, Machine};
use crate::panics;
use crate::plan::Plan;
use crate::recorder::{Recorder, SYSTEM};
use crate::time::SimClock;

/// For what clients still have in flight when everything works again: their own patience is less.
const FINISH_PATIENCE: Duration = Duration::from_secs(300);
/// How long the load goes on after the end of trouble.
const CALM: Duration = Duration::from_secs(5);
/// Until something is acknowledged after the end of trouble: clients may wait for an answer that was lost, and back off.
const RECOVERY_MAX: Duration = Duration::from_secs(90);
/// For everything of a run: beyond it something waits for nothing.
const RUN_MAX: Duration = Duration::from_secs(6 * 3_600);

/// The invariant that is not in the history.
const NO_PANIC: &str = "nothing panics";

/// What is asked of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Order {
    /// The seed.
    pub seed: u64,
    /// Time of load and trouble, where the seed does not decide.
    pub duration: Option<Duration>,
    /// Every event is told as it happens.
    pub verbose: bool,
    /// The system is broken in this way, and left alone but for that.
    pub breakage: Option<Breakage>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Verdict {
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
pub fn run(order: Order) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O has nothing to fail on");
    panics::collect();
    let (history, complaints, elapsed) = runtime.block_on(live(order));
    drop(runtime);
    let panicked = panics::take().into_iter().map(|what| Violation { invariant: NO_PANIC, what, events: Vec::new() });
    let violations = panicked.chain(complaints).chain(check(&history)).collect();
    Verdict { seed: order.seed, history, violations, elapsed }
}

async fn live(order: Order) -> (History, Vec<Violation>, Duration) {
    let origin = Instant::now();
    let recorder = Recorder::new(origin, order.verbose);
    if tokio::time::timeout(RUN_MAX, play(order, origin, recorder.clone())).await.is_err() {
        recorder.record(SYSTEM, Happening::Stuck("the run does not come to an end".to_owned()));
    }
    (recorder.take(), recorder.complaints(), origin.elapsed())
}

async fn play(order: Order, origin: Instant, recorder: Recorder) {
    let dice = Dice::new(order.seed);
    let mut plan = Plan::draw(&dice, order.duration);
    if let Some(breakage) = order.breakage {
        breakage.apply(&mut plan);
    }
    tracing::debug!(?plan, "plan");
    let clock = SimClock::new(origin);
    let ground = Arc::new(Ground {
        network: Network::new(dice.fork(), plan.latency_max),
        engine: MemoryEngine::new(Faults::none()),
        bucket: SimulatedBucket::new(move || clock.now().0),
        origin,
        plan,
        breakage: order.breakage,
    });
    found(&ground, &dice).await;
    let machines: Vec<Machine> =
        ground.plan.nodes.iter().map(|node| Machine::new(ground.clone(), node.clone(), dice.fork())).collect();
    machines.iter().for_each(Machine::start);
    let bootstrap = machines.iter().filter_map(Machine::address).collect();
    let mut crowd = Crowd::empty(ground.clone(), recorder.clone(), dice.fork(), bootstrap);
    create_topics(&crowd.outsider("founder"), &ground.plan.topics).await;
    crowd.fill();
    let mut trickster = Trickster {
        ground: &ground,
        machines: &machines,
        crowd: &mut crowd,
        recorder: recorder.clone(),
        dice: dice.fork(),
    };
    trickster.run(Instant::now() + ground.plan.duration).await;
    // Whoever deleted a topic may have died before it was there again.
    create_topics(&crowd.outsider("restorer"), &ground.plan.topics).await;
    calm_down(&recorder).await;
    for late in crowd.finish(FINISH_PATIENCE).await {
        recorder.record(SYSTEM, Happening::Stuck(format!("{late} does not come to an end")));
    }
    let client = crowd.outsider("auditor");
    Auditor { ground: &ground, machines: &machines, recorder, client }.audit(dice.seed()).await;
}

/// The load goes on for a while, now that everything works: something is acknowledged soon.
async fn calm_down(recorder: &Recorder) {
    let (before, healed) = (recorder.acked(), Instant::now());
    while recorder.acked() == before {
        if healed.elapsed() >= RECOVERY_MAX {
            recorder.record(SYSTEM, Happening::Stuck("nothing is acknowledged although everything works".to_owned()));
            return;
        }
        sleep(CALM).await;
    }
}

/// The cluster is there before the first process, so that they do not race to found it.
async fn found(ground: &Ground, dice: &Dice) {
    let rng = Arc::new(SeededRng::new(dice.seed()));
    let db = Db::new(Arc::new(ground.engine.for_other_process(Faults::none())), rng.clone());
    Metastore::open(db, &*rng).await.expect("a store without faults opens");
}
