//! One process from its start to its end, whatever its role.
//!
//! ```text
//! bind listeners -> open stores -> register -> read the picture -> serve, compact, beat
//! SIGTERM: named to nobody any more -> accept nothing, finish what is in flight -> leave -> close stores
//! ```
//! Owns: this order. Does not own: what each part does. Invariants: who is told of this process can connect to it; whatever
//! ends it, its registration is removed (or expires), and with it all its claims.

use std::{sync::Arc, time::Duration};

use alluvium_compactor::Compactor;
use alluvium_gateway::{agent::Agent, http::ProcessStatus, listen::Listener, metrics::MetricSource};
use alluvium_metastore::nodes::Session;
use alluvium_runtime::SystemRng;
use anyhow::{Context, Result, bail};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::agent,
    background::Background,
    banner::banner,
    compactor::{compactor, not_ready_reason},
    config::Settings,
    metrics::{CompactorMetrics, NodeMetrics},
    node::{Addresses, register},
    output::print,
    roles::Role,
    signals::StopSignals,
    stores::Stores,
};

/// Time for open HTTP requests and the compactor's current step once the agent has drained.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Runs a process of `role` until it is told to stop, then drains it.
///
/// # Errors
/// Where it cannot start, is told twice to stop, or another process takes its place.
pub async fn serve(role: Role, settings: Settings) -> Result<()> {
    role.check(&settings)?;
    let mut signals = StopSignals::listen()?;
    let listeners = Listeners::bind(role, &settings).await?;
    let rng = Arc::new(SystemRng);
    let stores = signals.unless_stopped(Stores::open(&settings, rng.clone())).await?;
    let registering = register(role, &settings, listeners.addresses(), &stores, rng.clone());
    let session = signals.unless_stopped(registering).await?;
    let beating = CancellationToken::new();
    let heart = tokio::spawn(session.clone().run(beating.clone()));
    let outcome = match Process::start(role, settings, listeners, &stores, &session, rng).await {
        Ok(process) => process.run(&mut signals, &session).await,
        Err(error) => Err(error),
    };
    session.leave().await;
    beating.cancel();
    // It only beats, and is over.
    let _ = heart.await;
    if outcome.is_ok() {
        stores.close().await;
    }
    outcome
}

/// Bound, not served yet.
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

/// What runs.
struct Process {
    settings: Settings,
    agent: Option<Arc<Agent>>,
    /// Cancelled when no more Kafka clients are to come.
    accepting: CancellationToken,
    /// Cancelled when compaction is to stop.
    compacting: CancellationToken,
    /// Cancelled when all else is over.
    observing: CancellationToken,
    tasks: Vec<(&'static str, JoinHandle<()>)>,
    /// Where the compactor runs; ends when dropped.
    _workers: Option<Background>,
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
        let agent = if role.serves() { Some(agent(&settings, stores, session, rng.clone()).await?) } else { None };
        let compactor = role.compacts().then(|| compactor(stores, settings.compactor.clone(), session.clone(), rng));
        let mut process = Self {
            settings,
            agent,
            accepting: CancellationToken::new(),
            compacting: CancellationToken::new(),
            observing: CancellationToken::new(),
            tasks: Vec::new(),
            _workers: None,
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
        let observing = self.observing.clone();
        let Some(agent) = &self.agent else {
            sources.push(Box::new(stores.metastore.db.clone()));
            let status = ProcessStatus { sources, not_ready_reason: not_ready_reason(stores, session) };
            self.tasks.push(("http", tokio::spawn(http.serve_status(status, observing))));
            return;
        };
        self.tasks.push(("http", tokio::spawn(http.serve_http(agent.clone(), sources, observing))));
        let serving = kafka.map(|kafka| tokio::spawn(kafka.serve_kafka(agent.clone(), self.accepting.clone())));
        self.tasks.extend(serving.map(|serving| ("kafka", serving)));
    }

    fn compact(&mut self, compactor: Compactor) -> Result<()> {
        let workers = Background::start().context("starting the compactor's threads")?;
        let compacting = self.compacting.clone();
        self.tasks.push(("compactor", workers.spawn(async move { compactor.run(compacting).await })));
        self._workers = Some(workers);
        Ok(())
    }

    /// Waits until it is told to stop, then drains.
    async fn run(mut self, signals: &mut StopSignals, session: &Session) -> Result<()> {
        let signal = tokio::select! {
            biased;
            () = session.replaced() => bail!(
                "node {} was taken over by another process that was started with the same --node-id; this one ends, and \
                 nothing acknowledged is lost",
                session.node().id
            ),
            signal = signals.next() => signal,
        };
        tracing::info!(signal, "draining; once more to stop at once");
        tokio::select! {
            biased;
            _ = signals.next() => bail!("stopped without draining; nothing acknowledged is lost"),
            () = self.drain(session) => Ok(()),
        }
    }

    async fn drain(&mut self, session: &Session) {
        self.compacting.cancel();
        match &self.agent {
            None => session.drain().await,
            Some(agent) => {
                agent.hand_over().await;
                self.accepting.cancel();
                if !agent.drain(self.settings.drain_timeout).await {
                    tracing::warn!("requests were still in flight at the end of --drain-timeout");
                }
            }
        }
        self.observing.cancel();
        for (name, task) in self.tasks.drain(..) {
            if timeout(STOP_PATIENCE, task).await.is_err() {
                tracing::warn!(name, "did not stop in time");
            }
        }
    }
}
