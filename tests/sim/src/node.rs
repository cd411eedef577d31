//! A machine: the processes that run on it one after the other, and how they end.
//!
//! Owns: putting a process together as the binary does, over simulated stores and the simulated network. Does not own:
//! when it is started and stopped. Invariant: a machine runs at most one process, and nothing of a dead process goes
//! on.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use alluvium_compactor::Compactor;
use alluvium_gateway::agent::{Agent, AgentParts};
use alluvium_metastore::Metastore;
use alluvium_metastore::kv::{Db, Engine, FaultSwitch, KvFaults, MemoryEngine};
use alluvium_metastore::nodes::{Endpoint, NewNode, Session};
use alluvium_objects::faults::{BucketFaultSwitch, BucketFaults, SimulatedBucket};
use alluvium_objects::{Objects, ObjectsConfig};
use alluvium_runtime::{Clock, Rng, SeededRng};
use alluvium_runtime::{SimulatedProcess, Tasks};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::bug_injection::{Bug, BuggyEngine};
use crate::network::{METASTORE, Network, Place, STORE};
use crate::peers::SimulatedPeers;
use crate::plan::{NodePlan, Plan};
use crate::rng::SimRng;
use crate::time::SimClock;

/// The port of all agents; their hosts differ.
pub const KAFKA_PORT: u16 = 9092;
/// The port at which agents serve blocks to each other.
const HTTP_PORT: u16 = 8080;
/// Pause between two attempts to start a process, as a supervisor makes it.
const START_PAUSE: Duration = Duration::from_millis(500);
/// Time for requests in flight when a process is asked to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// What all machines share: the stores, the network and the plan.
pub struct Environment {
    /// The plan of the run.
    pub plan: Plan,
    /// The store of the metastore's rows.
    pub engine: MemoryEngine,
    /// The object store.
    pub bucket: SimulatedBucket,
    /// The network.
    pub network: Network,
    /// When the run began, in virtual time.
    pub origin: Instant,
    /// The bug that is injected, if any.
    pub bug: Option<Bug>,
}

/// A machine. Clones share it.
#[derive(Clone)]
pub struct Machine(Arc<MachineContext>);

struct MachineContext {
    environment: Arc<Environment>,
    plan: NodePlan,
    place: Place,
    clock: Arc<SimClock>,
    rng: SimRng,
    state: Mutex<MachineState>,
}

#[derive(Default)]
struct MachineState {
    process: Option<Process>,
    faults: Option<FaultSwitch>,
    bucket_faults: Option<BucketFaultSwitch>,
}

/// A process on its machine.
#[derive(Clone)]
struct Process {
    simulated: SimulatedProcess,
    tasks: Tasks,
    /// Cancelled when the process accepts no more connections.
    accepting: CancellationToken,
    /// Cancelled when the compactor has to stop.
    compacting: CancellationToken,
    /// Cancelled at the end: stops the renewal of the registration.
    heartbeating: CancellationToken,
    /// The registration, once the process has one.
    session: Arc<OnceLock<Session>>,
}

/// The parts that the agent and the compactor of a process share.
struct Parts {
    metastore: Metastore,
    objects: Objects,
    session: Session,
    rng: Arc<dyn Rng>,
}

impl Process {
    /// Runs `task` as a part of the process: it is paused and ends with it.
    fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let bound = self.simulated.bind(task);
        tokio::spawn(async move {
            // Ended by itself, or with the process.
            let _ = bound.await;
        });
    }
}

impl Machine {
    /// A machine without a process.
    #[must_use]
    pub fn new(environment: Arc<Environment>, plan: NodePlan, rng: SimRng) -> Self {
        let place = Place { name: plan.name.clone(), zone: plan.zone.clone() };
        let clock = Arc::new(SimClock::new(environment.origin));
        Self(Arc::new(MachineContext { environment, plan, place, clock, rng, state: Mutex::default() }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.plan.name
    }

    /// Where it is in the network.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// Where its agent listens; `None` if it runs no agent.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        self.0.plan.serves.then(|| format!("{}:{KAFKA_PORT}", self.host()))
    }

    /// Its wall clock.
    #[must_use]
    pub fn clock(&self) -> &SimClock {
        &self.0.clock
    }

    /// Whether a process runs on it, paused or not.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state().process.is_some()
    }

    /// Its agent, if one is serving.
    #[must_use]
    pub fn agent(&self) -> Option<Arc<Agent>> {
        self.0.environment.network.agent(&self.address()?)
    }

    /// The registration of its process, once it has one.
    #[must_use]
    pub fn session(&self) -> Option<Session> {
        self.state().process.as_ref().and_then(|process| process.session.get().cloned())
    }

    /// The network that it is in.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.0.environment.network
    }

    /// Starts a process, which retries until it is up.
    pub fn start(&self) {
        let (simulated, cancel) = (SimulatedProcess::default(), CancellationToken::new());
        let process = Process {
            tasks: Tasks::simulated(cancel, simulated.clone()),
            simulated,
            accepting: CancellationToken::new(),
            compacting: CancellationToken::new(),
            heartbeating: CancellationToken::new(),
            session: Arc::default(),
        };
        let faults = self.0.environment.plan.metastore.clone();
        let engine = self.0.environment.engine.for_other_process(KvFaults { seed: self.0.rng.seed(), ..faults });
        let bucket_faults = BucketFaultSwitch::new(self.0.environment.plan.store.clone(), self.0.rng.seed());
        {
            let mut state = self.state();
            state.faults = Some(engine.fault_switch());
            state.bucket_faults = Some(bucket_faults.clone());
            state.process = Some(process.clone());
        }
        self.apply_links();
        let machine = self.clone();
        let booting = process.tasks.clone();
        booting.spawn("boot", async move { machine.boot(process, engine, bucket_faults).await });
    }

    /// Kills the process: what is in its memory is lost, and its connections are reset.
    pub fn crash(&self) {
        let process = self.state().process.take();
        if let Some(process) = process {
            process.simulated.end();
            if let Some(address) = self.address() {
                self.0.environment.network.vanish(&address);
            }
        }
    }

    /// Stops polling the process.
    pub fn pause(&self) {
        if let Some(process) = &self.state().process {
            process.simulated.pause();
        }
    }

    /// Polls the process again.
    pub fn resume(&self) {
        let process = self.state().process.clone();
        if let Some(process) = process {
            process.simulated.resume();
        }
    }

    /// Tells the process to stop, and waits until it has. If that takes too long, the process is killed.
    pub async fn stop(&self) {
        let Some(process) = self.state().process.clone() else { return };
        let leaving = process.simulated.bind(self.leave(&process));
        // Nothing is left of the process, whether the shutdown succeeded or not.
        let _ = tokio::time::timeout(2 * DRAIN_TIMEOUT, leaving).await;
        if !process.simulated.has_ended() {
            self.crash();
        }
    }

    /// Shuts down as the binary does.
    async fn leave(&self, process: &Process) {
        process.compacting.cancel();
        let Some(session) = process.session.get() else { return };
        match (self.address(), self.agent()) {
            (Some(address), Some(agent)) => {
                agent.hand_over().await;
                self.0.environment.network.close(&address);
                process.accepting.cancel();
                agent.drain(DRAIN_TIMEOUT).await;
            }
            _ => session.drain().await,
        }
        session.leave().await;
        process.heartbeating.cancel();
    }

    /// Sets the faults with which this machine sees the stores from now on.
    pub fn set_store_faults(&self, metastore: KvFaults, store: BucketFaults) {
        {
            let state = self.state();
            if let Some(faults) = &state.faults {
                faults.set(metastore);
            }
            if let Some(bucket_faults) = &state.bucket_faults {
                bucket_faults.set(store);
            }
        }
        self.apply_links();
    }

    /// Applies the cut links of the network to this machine's access to the stores.
    pub fn apply_links(&self) {
        let network = &self.0.environment.network;
        let (no_rows, no_objects) = (
            network.is_cut(&self.0.place, &Place::named(METASTORE)),
            network.is_cut(&self.0.place, &Place::named(STORE)),
        );
        let state = self.state();
        if let Some(faults) = &state.faults {
            faults.cut(no_rows);
        }
        if let Some(bucket_faults) = &state.bucket_faults {
            bucket_faults.cut(no_objects);
        }
    }

    async fn boot(&self, process: Process, engine: MemoryEngine, bucket_faults: BucketFaultSwitch) {
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(self.0.rng.seed()));
        let engine: Arc<dyn Engine> = match self.0.environment.bug {
            Some(bug) if bug.affects(self.name()) => Arc::new(BuggyEngine::new(engine, bug)),
            _ => Arc::new(engine),
        };
        let db = Db::new(engine, Arc::clone(&rng));
        let config = ObjectsConfig { seed: self.0.rng.seed(), ..ObjectsConfig::default() };
        let objects = Objects::new(self.0.environment.bucket.client(bucket_faults), "", config);
        loop {
            match self.bring_up(&process, &db, objects.clone(), Arc::clone(&rng)).await {
                Ok(()) => return,
                Err(error) => tracing::debug!(machine = self.name(), %error, "start failed"),
            }
            sleep(START_PAUSE).await;
        }
    }

    async fn bring_up(&self, process: &Process, db: &Db, objects: Objects, rng: Arc<dyn Rng>) -> anyhow::Result<()> {
        let metastore = Metastore::open(db.clone(), &*rng).await?;
        let clock: Arc<dyn Clock> = self.0.clock.clone();
        let opened = Session::open(
            metastore.nodes.clone(),
            self.registration(),
            self.0.environment.plan.session.clone(),
            clock,
            Arc::clone(&rng),
        );
        let session = opened.await?;
        process.run(session.clone().run(process.heartbeating.clone()));
        let parts = Parts { metastore, objects, session, rng };
        self.start_agent(process, &parts).await?;
        if self.0.plan.compacts {
            self.start_compactor(process, &parts);
        }
        // A process starts once.
        let _ = process.session.set(parts.session);
        Ok(())
    }

    fn start_compactor(&self, process: &Process, parts: &Parts) {
        let compactor = Compactor::new(
            parts.metastore.clone(),
            parts.objects.clone(),
            self.0.environment.plan.compactor.clone(),
            parts.session.clone(),
            self.0.clock.clone(),
            Arc::clone(&parts.rng),
        );
        let cancel = process.compacting.clone();
        process.run(async move { compactor.run(cancel).await });
    }

    async fn start_agent(&self, process: &Process, parts: &Parts) -> anyhow::Result<()> {
        let Some(address) = self.address() else { return Ok(()) };
        let peers = SimulatedPeers { network: self.0.environment.network.clone(), place: self.0.place.clone() };
        let handed = AgentParts {
            metastore: parts.metastore.clone(),
            objects: parts.objects.clone(),
            session: parts.session.clone(),
            peers: Arc::new(peers),
            clock: self.0.clock.clone(),
            rng: Arc::clone(&parts.rng),
            tasks: process.tasks.clone(),
        };
        let agent = match Agent::start(self.0.environment.plan.agent.clone(), handed).await {
            Ok(agent) => agent,
            Err(error) => {
                parts.session.leave().await;
                return Err(error.into());
            }
        };
        self.0.environment.network.listen(&address, self.0.place.clone(), agent, process.accepting.clone());
        Ok(())
    }

    fn registration(&self) -> NewNode {
        NewNode {
            id: None,
            zone: self.0.plan.zone.clone(),
            kafka: self.0.plan.serves.then(|| Endpoint { host: self.host(), port: KAFKA_PORT }),
            http: self.0.plan.serves.then(|| Endpoint { host: self.host(), port: HTTP_PORT }),
            compacts: self.0.plan.compacts,
            version: "simulated".to_owned(),
            ..NewNode::default()
        }
    }

    fn host(&self) -> String {
        self.0.plan.name.replace(' ', "-")
    }

    fn state(&self) -> MutexGuard<'_, MachineState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
