//! One process from its start to its end, whatever its role.
//!
//! ```text
//! bind listeners -> open stores -> register -> fill the metadata cache -> serve, compact, send heartbeats
//! SIGTERM: no longer advertised -> accept nothing, finish requests in flight -> deregister -> close stores
//! ```
//! Owns: this order. Does not own: what each part does. Invariants: once this process is advertised, clients can
//! connect to it; however it ends, its registration is removed or expires, and with it all its leases.

use std::{io, sync::Arc, time::Duration};

use alluvium_compactor::Compactor;
use alluvium_gateway::{agent::Agent, http::ProcessStatus, listen::Listener, metrics::MetricSource};
use alluvium_metastore::nodes::Session;
use alluvium_runtime::SystemRng;
use anyhow::{Context, Result, bail};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::agent,
    banner::banner,
    compactor::{compactor, not_ready_reason},
    config::Settings,
    metrics::{CompactorMetrics, NodeMetrics},
    node::{Addresses, register},
    output::print,
    roles::Role,
    signals::StopSignals,
    stores::Stores,
    threads::Threads,
};

/// Time for open HTTP requests and the compactor's current step once the agent has drained.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs a process of `role` until a signal stops it, then drains it.
///
/// # Errors
/// If it cannot start, a second signal stops it at once, or another process takes over its node id.
pub async fn serve(role: Role, settings: Settings) -> Result<()> {
    role.check(&settings)?;
    let mut signals = StopSignals::listen()?;
    let listeners = Listeners::bind(role, &settings).await?;
    let rng = Arc::new(SystemRng);
    let stores = signals.unless_stopped(Stores::open(&settings, rng.clone())).await?;
    let registering = register(role, &settings, listeners.addresses(), &stores, rng.clone());
    let session = signals.unless_stopped(registering).await?;
    let stop_heartbeats = CancellationToken::new();
    let heartbeats = tokio::spawn(session.clone().run(stop_heartbeats.clone()));
    let outcome = match Process::start(role, settings, listeners, &stores, &session, rng).await {
        Ok(process) => process.run(&mut signals, &session).await,
        Err(error) => Err(error),
    };
    session.leave().await;
    stop_heartbeats.cancel();
    // A panic of the heartbeats makes no difference any more.
    let _ = heartbeats.await;
    if outcome.is_ok() {
        stores.close().await;
    }
    outcome
}

/// The listeners: bound, not served yet.
struct Listeners {
    kafka: Option<Listener>,
    http: Listener,
}

impl Listeners {
    async fn bind(role: Role, settings: &Settings) -> Result<Self> {
        let kafka = if role.serves() {
            Some(Listener::bind(settings.kafka_listen).await.context("Kafka listener (--kafka-listen)")?)
        } else {
            None
        };
        let http = Listener::bind(settings.http_listen).await.context("HTTP listener (--http-listen)")?;
        Ok(Self { kafka, http })
    }

    fn addresses(&self) -> Addresses {
        Addresses { kafka: self.kafka.as_ref().map(Listener::address), http: Some(self.http.address()) }
    }
}

/// The running parts of the process.
struct Process {
    settings: Settings,
    agent: Option<Arc<Agent>>,
    /// Cancelled to stop accepting Kafka connections.
    stop_accepting: CancellationToken,
    /// Cancelled to stop the compactor.
    stop_compacting: CancellationToken,
    /// Cancelled to stop HTTP, which serves health and metrics until everything else has stopped.
    stop_http: CancellationToken,
    /// Name and handle of each task, which are waited for at the end.
    tasks: Vec<(&'static str, JoinHandle<()>)>,
    /// The agent's threads for consumers of old records; they end when this is dropped.
    _catch_up: Option<Threads>,
    /// The compactor's threads, in the same way.
    _compaction: Vec<Threads>,
}

impl Process {
    async fn start(
        role: Role,
        settings: Settings,
        listeners: Listeners,
        stores: &Stores,
        session: &Session,
        rng: Arc<SystemRng>,
    ) -> Result<Self> {
        let banner = banner(role, &settings, listeners.addresses(), &session.node());
        let catch_up = role.serves().then(Threads::for_catch_up).transpose();
        let catch_up = catch_up.context("starting the threads for consumers of old records")?;
        let agent = match &catch_up {
            Some(threads) => Some(agent(&settings, stores, session, rng.clone(), threads.handle()).await?),
            None => None,
        };
        let compactor = role.compacts().then(|| compactor(stores, settings.compactor.clone(), session.clone(), rng));
        let mut process = Self {
            settings,
            agent,
            stop_accepting: CancellationToken::new(),
            stop_compacting: CancellationToken::new(),
            stop_http: CancellationToken::new(),
            tasks: Vec::new(),
            _catch_up: catch_up,
            _compaction: Vec::new(),
        };
        process.listen(listeners, stores, session, compactor.as_ref());
        if let Some(compactor) = compactor {
            process.compact(compactor)?;
        }
        print(&banner)?;
        Ok(process)
    }

    fn listen(&mut self, listeners: Listeners, stores: &Stores, session: &Session, compactor: Option<&Compactor>) {
        let Listeners { kafka, http } = listeners;
        let mut sources: Vec<Box<dyn MetricSource>> = vec![Box::new(NodeMetrics(session.clone()))];
        sources
            .extend(compactor.map(|compactor| Box::new(CompactorMetrics(compactor.clone())) as Box<dyn MetricSource>));
        let stop_http = self.stop_http.clone();
        let Some(agent) = &self.agent else {
            sources.push(Box::new(stores.metastore.db.clone()));
            let status = ProcessStatus { sources, not_ready_reason: not_ready_reason(stores, session) };
            self.tasks.push(("http", tokio::spawn(http.serve_status(status, stop_http))));
            return;
        };
        self.tasks.push(("http", tokio::spawn(http.serve_http(agent.clone(), sources, stop_http))));
        let kafka = kafka.map(|kafka| tokio::spawn(kafka.serve_kafka(agent.clone(), self.stop_accepting.clone())));
        self.tasks.extend(kafka.map(|task| ("kafka", task)));
    }

    fn compact(&mut self, compactor: Compactor) -> Result<()> {
        let start = || io::Result::Ok((Threads::for_compaction()?, Threads::for_urgent_compaction()?));
        let (low, urgent) = start().context("starting the compactor's threads")?;
        compactor.set_urgent_threads(urgent.handle().clone());
        let stop = self.stop_compacting.clone();
        self.tasks.push(("compactor", low.spawn(async move { compactor.run(stop).await })));
        self._compaction = vec![low, urgent];
        Ok(())
    }

    /// Waits for a signal, then drains.
    async fn run(mut self, signals: &mut StopSignals, session: &Session) -> Result<()> {
        let signal = tokio::select! {
            biased;
            () = session.replaced() => bail!(
                "node {} was taken over by another process that was started with the same --node-id; this one ends; \
                 nothing acknowledged is lost",
                session.node().id
            ),
            signal = signals.next() => signal,
        };
        tracing::info!(signal, "draining; send the signal again to stop at once");
        tokio::select! {
            biased;
            _ = signals.next() => bail!("stopped without draining; nothing acknowledged is lost"),
            () = self.drain(session) => Ok(()),
        }
    }

    async fn drain(&mut self, session: &Session) {
        self.stop_compacting.cancel();
        match &self.agent {
            None => session.drain().await,
            Some(agent) => {
                agent.hand_over().await;
                self.stop_accepting.cancel();
                if !agent.drain(self.settings.drain_timeout).await {
                    tracing::warn!("requests are still in flight at the end of --drain-timeout; stopping without them");
                }
            }
        }
        self.stop_http.cancel();
        for (name, task) in self.tasks.drain(..) {
            if timeout(STOP_TIMEOUT, task).await.is_err() {
                tracing::warn!(task = name, "task did not stop in time; stopping without it");
            }
        }
    }
}
