//! The way to a cluster whose brokers come and go.
//!
//! Owns: one connection per broker, opened when it is needed and given up when it fails or does not answer in time; which
//! brokers there are, asked again when they fail. Does not own: what is asked. Invariants: nothing is sent twice here but
//! questions (metadata, coordinators); every wait has an end.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use alluvium_wire::{
    ErrorCode, Request,
    messages::{
        find_coordinator::FindCoordinatorRequest,
        metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse},
    },
};
use tokio::time::{Instant, sleep, timeout};

use crate::{ClientError, Connection, TopicLayout, Transport, cluster::layout};

/// How patient one is; the defaults are those of Kafka's clients.
#[derive(Clone, Debug)]
pub struct RoutesConfig {
    /// `request.timeout.ms`: then the connection is given up.
    pub request_timeout: Duration,
    /// `socket.connection.setup.timeout.ms`.
    pub connect_timeout: Duration,
    /// `retry.backoff.ms`.
    pub backoff_min: Duration,
    /// `retry.backoff.max.ms`.
    pub backoff_max: Duration,
    /// How long a question is asked of one broker after the other.
    pub patience: Duration,
}

impl Default for RoutesConfig {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(1),
            patience: Duration::from_secs(60),
        }
    }
}

/// Connections to the brokers of a cluster.
pub struct Routes {
    transport: Arc<dyn Transport>,
    client_id: String,
    config: RoutesConfig,
    bootstrap: Vec<String>,
    /// As the last metadata said: addresses by id.
    brokers: BTreeMap<i32, String>,
    connections: BTreeMap<String, Connection>,
    turn: usize,
}

impl Routes {
    /// Knows `bootstrap` (never empty), and connects when something is asked.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, bootstrap: Vec<String>, client_id: &str, config: RoutesConfig) -> Self {
        let (brokers, connections) = (BTreeMap::new(), BTreeMap::new());
        Self { transport, client_id: client_id.into(), config, bootstrap, brokers, connections, turn: 0 }
    }

    /// How patient it is.
    #[must_use]
    pub fn config(&self) -> &RoutesConfig {
        &self.config
    }

    /// The id of the broker at `address`, as the last metadata said.
    #[must_use]
    pub fn broker_at(&self, address: &str) -> Option<i32> {
        self.brokers.iter().find(|(_, known)| *known == address).map(|(id, _)| *id)
    }

    /// The connection to the broker at `address`: the one there is, or a new one.
    ///
    /// # Errors
    /// Where nobody answers there in time, or not as a Kafka broker.
    pub async fn connection(&mut self, address: &str) -> Result<Connection, ClientError> {
        if let Some(connection) = self.connections.get(address) {
            return Ok(connection.clone());
        }
        let connection = self.fresh(address).await?;
        self.connections.insert(address.to_owned(), connection.clone());
        Ok(connection)
    }

    /// A new connection, of the caller's own.
    ///
    /// # Errors
    /// As [`Routes::connection`].
    pub async fn fresh(&self, address: &str) -> Result<Connection, ClientError> {
        let dial = Connection::dial(&*self.transport, address, &self.client_id);
        in_time(self.config.connect_timeout, address, dial).await
    }

    /// Forgets the connection to `address`; the next call opens another.
    pub fn give_up(&mut self, address: &str) {
        self.connections.remove(address);
    }

    /// Asks the broker at `address`, once.
    ///
    /// # Errors
    /// As [`Routes::connection`], and where no answer comes in time. The connection is given up then.
    pub async fn call_at<R: Request>(&mut self, address: &str, request: &R) -> Result<R::Response, ClientError> {
        let connection = self.connection(address).await?;
        let answer = in_time(self.config.request_timeout, address, connection.call(request)).await;
        if answer.is_err() {
            self.give_up(address);
        }
        answer
    }

    /// Asks any broker, once; the next one after a failure.
    ///
    /// # Errors
    /// As [`Routes::call_at`].
    pub async fn call_any<R: Request>(&mut self, request: &R) -> Result<R::Response, ClientError> {
        let address = self.any();
        let answer = self.call_at(&address, request).await;
        if answer.is_err() {
            self.turn += 1;
        }
        answer
    }

    /// Goes on to another broker for what any may answer.
    pub fn turn_away(&mut self) {
        self.turn += 1;
    }

    /// The address of the broker whose turn it is.
    #[must_use]
    pub fn any(&self) -> String {
        let known = self.brokers.values().chain(&self.bootstrap);
        let count = self.brokers.len() + self.bootstrap.len();
        known.into_iter().nth(self.turn % count.max(1)).cloned().unwrap_or_default()
    }

    /// The layout of topic `name` as it is now, and with it the brokers.
    ///
    /// # Errors
    /// Where no broker answers for as long as one is patient, or the topic is not there for as long.
    pub async fn topic(&mut self, name: &str) -> Result<TopicLayout, ClientError> {
        let topic = MetadataRequestTopic { name: Some(name.into()), ..MetadataRequestTopic::default() };
        let request = MetadataRequest {
            topics: Some(vec![topic]),
            allow_auto_topic_creation: false,
            ..MetadataRequest::default()
        };
        let mut pace = Pace::new(&self.config);
        loop {
            let answer = self.call_any(&request).await;
            let outcome = answer.and_then(|answer| {
                self.note(&answer);
                layout(&answer).map_err(|code| ClientError::Broker {
                    what: format!("topic {name}"),
                    code,
                    message: None,
                })
            });
            match outcome {
                Err(error) if error.may_pass() && pace.wait().await => {}
                outcome => return outcome,
            }
        }
    }

    /// The address of the coordinator of `group`.
    ///
    /// # Errors
    /// Where none is named for as long as one is patient.
    pub async fn coordinator(&mut self, group: &str) -> Result<String, ClientError> {
        let request = FindCoordinatorRequest { key: group.into(), key_type: 0, coordinator_keys: vec![group.into()] };
        let mut pace = Pace::new(&self.config);
        loop {
            let outcome = self.call_any(&request).await.and_then(|answer| {
                let (code, host, port) = match answer.coordinators.into_iter().next() {
                    Some(found) => (found.error_code, found.host, found.port),
                    None => (answer.error_code, answer.host, answer.port),
                };
                ClientError::check(format!("coordinator of {group}"), code, None)?;
                Ok(format!("{host}:{port}"))
            });
            match outcome {
                Err(error) if error.may_pass() && pace.wait().await => self.turn += 1,
                outcome => return outcome,
            }
        }
    }

    fn note(&mut self, answer: &MetadataResponse) {
        let brokers = answer.brokers.iter().map(|broker| (broker.node_id, format!("{}:{}", broker.host, broker.port)));
        self.brokers = brokers.collect();
    }
}

/// Waits that grow, until the patience ends.
pub(crate) struct Pace {
    next: Duration,
    max: Duration,
    deadline: Instant,
}

impl Pace {
    pub fn new(config: &RoutesConfig) -> Self {
        Self { next: config.backoff_min, max: config.backoff_max, deadline: Instant::now() + config.patience }
    }

    /// Whether it makes sense to try again, after a wait.
    pub async fn wait(&mut self) -> bool {
        if Instant::now() + self.next >= self.deadline {
            return false;
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(self.max);
        true
    }
}

async fn in_time<T>(
    limit: Duration,
    address: &str,
    call: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    timeout(limit, call).await.unwrap_or_else(|_| Err(ClientError::Timeout(address.to_owned())))
}

impl ClientError {
    /// Whether another broker, or the same one later, may answer.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Closed(_) | Self::Timeout(_) => true,
            Self::Broker { code, .. } => Self::is_passing(*code) || *code == ErrorCode::NOT_COORDINATOR,
            Self::Encode(_) | Self::Decode(_) | Self::Batch(_) | Self::NoCommonVersion(_) => false,
        }
    }
}
