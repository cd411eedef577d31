//! Connections to a cluster whose brokers come and go.
//!
//! Owns: one connection per broker, opened when it is needed and dropped when it fails or does not answer in time; the
//! list of brokers, refreshed with every topic's metadata. Does not own: the requests. Invariants: only metadata and
//! coordinator lookups are retried here; every wait has a timeout.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use alluvium_wire::{
    Request,
    messages::{
        find_coordinator::FindCoordinatorRequest,
        metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse},
    },
};
use tokio::time::timeout;

use crate::{ClientError, Connection, TopicLayout, Transport, backoff::Backoff, cluster::layout};

/// `FindCoordinator`'s key types.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// Timeouts and backoff; the defaults are those of Kafka's clients.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// `request.timeout.ms`: time for a response, after which the connection is dropped.
    pub request_timeout: Duration,
    /// `socket.connection.setup.timeout.ms`: time to connect and negotiate versions.
    pub connect_timeout: Duration,
    /// `retry.backoff.ms`: the first delay between attempts.
    pub backoff_min: Duration,
    /// `retry.backoff.max.ms`: the longest delay between attempts.
    pub backoff_max: Duration,
    /// `default.api.timeout.ms`: time for all attempts of one lookup, at one broker after the other.
    pub api_timeout: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(1),
            api_timeout: Duration::from_secs(60),
        }
    }
}

impl PoolConfig {
    /// The backoff of one lookup.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.backoff_min, self.backoff_max, self.api_timeout)
    }
}

/// Connections to the brokers of a cluster, one per broker.
pub struct ConnectionPool {
    transport: Arc<dyn Transport>,
    client_id: String,
    config: PoolConfig,
    bootstrap: Vec<String>,
    /// Addresses by broker id, from the last metadata response.
    brokers: BTreeMap<i32, String>,
    connections: BTreeMap<String, Connection>,
    /// Number of times that the next broker was chosen.
    turn: usize,
}

impl ConnectionPool {
    /// A pool that starts from the addresses `bootstrap` (never empty), and connects when a request is sent.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, bootstrap: Vec<String>, client_id: &str, config: PoolConfig) -> Self {
        let (brokers, connections) = (BTreeMap::new(), BTreeMap::new());
        Self { transport, client_id: client_id.into(), config, bootstrap, brokers, connections, turn: 0 }
    }

    /// The timeouts and backoff of this pool.
    #[must_use]
    pub fn config(&self) -> &PoolConfig {
        &self.config
    }

    /// The pooled connection to the broker at `address`, opened if there is none.
    ///
    /// # Errors
    /// If nothing answers there in time, or not as a Kafka broker.
    pub async fn connection(&mut self, address: &str) -> Result<Connection, ClientError> {
        if let Some(connection) = self.connections.get(address) {
            return Ok(connection.clone());
        }
        let connection = self.open_connection(address).await?;
        self.connections.insert(address.to_owned(), connection.clone());
        Ok(connection)
    }

    /// Opens a new connection to `address` that is not pooled.
    ///
    /// # Errors
    /// As [`ConnectionPool::connection`].
    pub async fn open_connection(&self, address: &str) -> Result<Connection, ClientError> {
        let dial = Connection::dial(&*self.transport, address, &self.client_id);
        with_timeout(self.config.connect_timeout, address, dial).await
    }

    /// Drops the pooled connection to `address`; the next call opens another.
    pub fn drop_connection(&mut self, address: &str) {
        self.connections.remove(address);
    }

    /// Sends `request` to the broker at `address`, once.
    ///
    /// # Errors
    /// As [`ConnectionPool::connection`], and if no response comes in time. The connection is dropped then.
    pub async fn call_at<R: Request>(&mut self, address: &str, request: &R) -> Result<R::Response, ClientError> {
        self.call_up_to(address, i16::MAX, request).await
    }

    /// As [`ConnectionPool::call_at`], at the newest common version, but at most at `newest`.
    ///
    /// # Errors
    /// As [`ConnectionPool::call_at`].
    pub async fn call_up_to<R: Request>(
        &mut self,
        address: &str,
        newest: i16,
        request: &R,
    ) -> Result<R::Response, ClientError> {
        let connection = self.connection(address).await?;
        let call = async { connection.send_up_to(newest, request).await?.response().await };
        let response = with_timeout(self.config.request_timeout, address, call).await;
        if response.is_err() {
            self.drop_connection(address);
        }
        response
    }

    /// Sends `request` to the current broker, once; a failure makes the next broker the current one.
    ///
    /// # Errors
    /// As [`ConnectionPool::call_at`].
    pub async fn call_any<R: Request>(&mut self, request: &R) -> Result<R::Response, ClientError> {
        let address = self.current_address();
        let response = self.call_at(&address, request).await;
        if response.is_err() {
            self.turn += 1;
        }
        response
    }

    /// Makes the next broker the current one, for requests that any broker may answer.
    pub fn use_next_broker(&mut self) {
        self.turn += 1;
    }

    /// The address of the current broker.
    #[must_use]
    pub fn current_address(&self) -> String {
        let known = self.brokers.values().chain(&self.bootstrap);
        let count = self.brokers.len() + self.bootstrap.len();
        known.into_iter().nth(self.turn % count.max(1)).cloned().unwrap_or_default()
    }

    /// The current layout of topic `name`. Refreshes the list of brokers too.
    ///
    /// # Errors
    /// If no broker answers within the API timeout, or the topic does not exist for that long.
    pub async fn topic(&mut self, name: &str) -> Result<TopicLayout, ClientError> {
        let topic = MetadataRequestTopic { name: Some(name.into()), ..MetadataRequestTopic::default() };
        let request = MetadataRequest {
            topics: Some(vec![topic]),
            allow_auto_topic_creation: false,
            ..MetadataRequest::default()
        };
        let mut backoff = self.config.backoff();
        loop {
            let response = self.call_any(&request).await;
            let outcome = response.and_then(|response| {
                self.update_brokers(&response);
                layout(&response).map_err(|code| ClientError::Broker {
                    what: format!("topic {name}"),
                    code,
                    message: None,
                })
            });
            match outcome {
                Err(error) if error.is_retriable() && backoff.wait().await => {}
                outcome => return outcome,
            }
        }
    }

    /// The address of the coordinator of `group`.
    ///
    /// # Errors
    /// If no broker names one within the API timeout.
    pub async fn coordinator(&mut self, group: &str) -> Result<String, ClientError> {
        self.find_coordinator(GROUP, group).await
    }

    /// The address of the coordinator of the transactional id `id`.
    ///
    /// # Errors
    /// As [`ConnectionPool::coordinator`].
    pub async fn transaction_coordinator(&mut self, id: &str) -> Result<String, ClientError> {
        self.find_coordinator(TRANSACTION, id).await
    }

    async fn find_coordinator(&mut self, key_type: i8, key: &str) -> Result<String, ClientError> {
        let request = FindCoordinatorRequest { key: key.into(), key_type, coordinator_keys: vec![key.into()] };
        let mut backoff = self.config.backoff();
        loop {
            let outcome = self.call_any(&request).await.and_then(|response| {
                let (code, host, port) = match response.coordinators.into_iter().next() {
                    Some(found) => (found.error_code, found.host, found.port),
                    None => (response.error_code, response.host, response.port),
                };
                ClientError::check(format!("coordinator of {key}"), code, None)?;
                Ok(format!("{host}:{port}"))
            });
            match outcome {
                Err(error) if error.is_retriable() && backoff.wait().await => self.turn += 1,
                outcome => return outcome,
            }
        }
    }

    fn update_brokers(&mut self, metadata: &MetadataResponse) {
        let brokers =
            metadata.brokers.iter().map(|broker| (broker.node_id, format!("{}:{}", broker.host, broker.port)));
        self.brokers = brokers.collect();
    }
}

async fn with_timeout<T>(
    limit: Duration,
    address: &str,
    call: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    timeout(limit, call).await.unwrap_or_else(|_| Err(ClientError::Timeout(address.to_owned())))
}
