//! One of the two servers under comparison, and what it has answered so far.

use std::{collections::HashMap, fmt::Debug, sync::Arc, time::Duration};

use alluvium_client::{ClientError, Connection, Pending};
use alluvium_wire::{
    ApiKey, ErrorCode, Request, Versions,
    messages::{
        create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest},
        list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic},
        metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse},
    },
};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::answer::{Fact, Ids, facts};

/// Timeout of an answer: longer than any wait that a request asks for.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);
const CLIENT_ID: &str = "parity";

/// The answer of a server in one case and version.
#[derive(Debug)]
pub struct Answer {
    pub case: String,
    pub api: ApiKey,
    pub version: i16,
    pub facts: Vec<Fact>,
}

/// A server, a connection to it, and its answers.
pub struct Side {
    pub address: String,
    /// What both servers advertise.
    common: Arc<HashMap<ApiKey, Versions>>,
    connection: Connection,
    /// Part of every name of this run, so that runs on one Kafka do not conflict; eight letters.
    run: Arc<str>,
    ids: Ids,
    barriers: usize,
    pub answers: Vec<Answer>,
}

/// An answer on its way that will be compared.
pub struct Awaited<R: Request> {
    case: String,
    version: i16,
    pending: Pending<R::Response>,
    /// Kept open while we wait.
    _connection: Connection,
}

impl Side {
    pub async fn connect(address: &str, common: &Arc<HashMap<ApiKey, Versions>>, run: &Arc<str>) -> Self {
        Self {
            address: address.to_owned(),
            common: Arc::clone(common),
            connection: connect(address).await,
            run: Arc::clone(run),
            ids: Ids::default(),
            barriers: 0,
            answers: Vec::new(),
        }
    }

    /// A name of this run: the same on both sides, sorted by `name`.
    pub fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.run)
    }

    /// The APIs that both servers have.
    pub fn keys(&self) -> Vec<i16> {
        self.common.keys().map(|api| api.code()).collect()
    }

    /// Whether a name is of this run.
    pub fn is_of_run(&self) -> impl Fn(Option<&str>) -> bool + use<> {
        let run = Arc::clone(&self.run);
        move |name| name.is_some_and(|name| name.starts_with(&*run))
    }

    /// The versions of `api` that both servers advertise and we speak.
    pub fn versions(&self, api: ApiKey) -> impl Iterator<Item = i16> + use<> {
        let common = self.common[&api];
        common.min..=common.max
    }

    /// Sends `request` in every version. Versions that cannot express it are left out.
    pub async fn all<R: Request + Clone>(&mut self, case: &str, request: &R)
    where
        R::Response: Debug,
    {
        self.each(case, |_| request.clone()).await;
    }

    /// Sends what `request` makes for each version.
    pub async fn each<R: Request>(&mut self, case: &str, request: impl Fn(i16) -> R)
    where
        R::Response: Debug,
    {
        for version in self.versions(R::API) {
            self.at(case, version, &request(version)).await;
        }
    }

    /// Sends `request` in `version`; `None` if there is no answer to read.
    pub async fn at<R: Request>(&mut self, case: &str, version: i16, request: &R) -> Option<R::Response>
    where
        R::Response: Debug,
    {
        let pending = match self.connection.send_at(version, request).await {
            Ok(pending) => pending,
            Err(ClientError::Encode(_)) => return None,
            Err(error) => panic!("{}: {error}", self.address),
        };
        let connection = self.connection.clone();
        self.finish(Awaited::<R> { case: case.to_owned(), version, pending, _connection: connection }).await
    }

    /// Sends `request` in every version, and keeps the part of each answer that `part` returns: the rest depends on
    /// others.
    pub async fn part<R: Request>(&mut self, case: &str, request: &R, part: impl Fn(&mut R::Response))
    where
        R::Response: Debug,
    {
        for version in self.versions(R::API) {
            self.part_at(case, version, request, &part).await;
        }
    }

    /// The same in one version.
    pub async fn part_at<R: Request>(&mut self, case: &str, version: i16, request: &R, part: impl Fn(&mut R::Response))
    where
        R::Response: Debug,
    {
        let pending = match self.connection.send_at(version, request).await {
            Ok(pending) => pending,
            Err(ClientError::Encode(_)) => return,
            Err(error) => panic!("{}: {error}", self.address),
        };
        let answer = timeout(ANSWER_TIMEOUT, pending.response()).await.expect("an answer in time");
        let mut answer = answer.unwrap_or_else(|error| panic!("{}: {case}: {error}", self.address));
        part(&mut answer);
        self.note(case, R::API, version, &format!("{answer:#?}"));
    }

    /// Sends `request`, whose answer may depend on others, on a connection of its own.
    pub async fn begin<R: Request>(&mut self, case: &str, version: i16, request: &R) -> Awaited<R> {
        let connection = connect(&self.address).await;
        let pending = connection.send_at(version, request).await.expect("a request that can be encoded");
        Awaited { case: case.to_owned(), version, pending, _connection: connection }
    }

    /// Waits for the answer and keeps it for comparison.
    pub async fn finish<R: Request>(&mut self, awaited: Awaited<R>) -> Option<R::Response>
    where
        R::Response: Debug,
    {
        let Awaited { case, version, pending, _connection: connection } = awaited;
        let answer = timeout(ANSWER_TIMEOUT, pending.response()).await;
        drop(connection);
        let (said, answer) = match answer {
            Ok(Ok(answer)) => (format!("{answer:#?}"), Some(answer)),
            Ok(Err(ClientError::Closed(_))) => ("connection: closed".into(), None),
            Ok(Err(error)) => (format!("unreadable: {error}"), None),
            Err(_) => ("connection: silent".into(), None),
        };
        if answer.is_none() {
            self.connection = connect(&self.address).await;
        }
        self.note(&case, R::API, version, &said);
        answer
    }

    /// Gives the random id in `text` a number, by which it is compared from now on.
    pub fn number_id(&mut self, text: &str) {
        self.ids.mask(text);
    }

    /// Keeps an answer for comparison, in its pretty `Debug` form.
    pub fn note(&mut self, case: &str, api: ApiKey, version: i16, said: &str) {
        let facts = facts(&said.replace(&*self.run, "run"), &mut self.ids);
        self.answers.push(Answer { case: case.replace(&*self.run, "run"), api, version, facts });
    }

    /// Sends `request` in the newest version, not for comparison.
    pub async fn ask<R: Request>(&self, request: &R) -> R::Response {
        let newest = self.common[&R::API].max;
        let pending = self.connection.send_at(newest, request).await.expect("a request that can be encoded");
        let answer = timeout(ANSWER_TIMEOUT, pending.response()).await.expect("an answer in time");
        answer.unwrap_or_else(|error| panic!("{}: {error}", self.address))
    }

    /// Sends `request` until its answer is as expected: Kafka's brokers apply changes a moment later.
    pub async fn until<R: Request>(&self, request: &R, is_expected: impl Fn(&R::Response) -> bool) -> R::Response
    where
        R::Response: Debug,
    {
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        loop {
            let answer = self.ask(request).await;
            if is_expected(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{}: still {:.2000}", self.address, format!("{answer:#?}"));
            sleep(PAUSE).await;
        }
    }

    /// Creates the topic called [`name`](Self::name)`(name)`: its id.
    pub async fn topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Uuid {
        let name = self.name(name);
        let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
        };
        let topic = CreatableTopic {
            name: name.clone(),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.iter().map(config).collect(),
            ..Default::default()
        };
        let created = self.ask(&CreateTopicsRequest { topics: vec![topic], ..Default::default() }).await;
        assert!(created.topics[0].error_code.is_none(), "{}: {created:?}", self.address);
        self.ready(&name, partitions).await
    }

    /// Waits until all changes so far have reached every broker: creates a topic and waits until it is ready.
    pub async fn wait_for_changes(&mut self) {
        self.barriers += 1;
        self.topic(&format!("settled-{}", self.barriers), 1, &[]).await;
    }

    /// Waits until the topic of this full name has `partitions`, all led: its id.
    pub async fn ready(&self, name: &str, partitions: i32) -> Uuid {
        let partitions = usize::try_from(partitions).expect("not negative");
        let is_ready = |answer: &MetadataResponse| {
            let topic = &answer.topics[0];
            let led = topic.partitions.iter().filter(|partition| partition.leader_id >= 0).count();
            topic.error_code.is_none() && led == partitions
        };
        let id = self.until(&metadata_of(name), is_ready).await.topics[0].topic_id;
        // Kafka creates the logs last.
        let partition = |partition_index| ListOffsetsPartition { partition_index, timestamp: -1, ..Default::default() };
        let logs = (0..).take(partitions).map(partition).collect();
        let topics = vec![ListOffsetsTopic { name: name.to_owned(), partitions: logs }];
        let request = ListOffsetsRequest { replica_id: -1, topics, timeout_ms: 1_000, ..Default::default() };
        let are_there = |answer: &ListOffsetsResponse| {
            answer.topics.iter().flat_map(|topic| &topic.partitions).all(|partition| partition.error_code.is_none())
        };
        self.until(&request, are_there).await;
        id
    }

    /// Waits until there is no topic of this full name.
    pub async fn until_deleted(&self, name: &str) {
        self.until(&metadata_of(name), |answer| answer.topics[0].error_code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
            .await;
    }
}

/// Asks for one topic without creating it.
pub fn metadata_of(name: &str) -> MetadataRequest {
    let topic = MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
    MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: false, ..Default::default() }
}

/// A connection to a server that runs.
pub async fn connect(address: &str) -> Connection {
    Connection::open(address, CLIENT_ID).await.unwrap_or_else(|error| panic!("{address}: {error}"))
}
