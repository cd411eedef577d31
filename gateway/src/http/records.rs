//! Reading records: `GET /topics/{topic}/partitions/{partition}/records?offset=&limit=&format=`.
//!
//! Answers with the records that are there, without waiting: an array, which is empty at the end of the log. It may be
//! shorter than `limit` before the end, because answers are limited in bytes too; a client that reads on requests the
//! offset after the last one until the array is empty.

use alluvium_model::{Offset, TopicPartition};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

use super::error::HttpError;
use super::format::{Encoded, Format};
use super::held_body::held_body;
use super::service::{Service, ServiceState};
use super::topics::{find, partition_in, partition_path};
use crate::agent::Agent;
use crate::fetch::{FetchError, OffsetSpec, READ_BYTES_MAX, ReadRecord};
use crate::memory::{Demand, Permit, Share};

/// Records in one answer if the request sets no limit.
const LIMIT_DEFAULT: usize = 100;
/// Most records in one answer.
const LIMIT_MAX: usize = 10_000;
/// Bytes of one answer: the record that exceeds this is the last one.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Memory of one answer while it is made: the records, and their text. Further ones wait.
const READ_BYTES: usize = READ_BYTES_MAX + ANSWER_BYTES_MAX;
/// Memory reserved for each record of an answer: a guess, which costs nothing if it is wrong.
const RECORD_BYTES_TYPICAL: usize = 256;

/// The query as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordsQuery {
    offset: Option<String>,
    limit: Option<String>,
    format: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StartPosition {
    Earliest,
    Latest,
    Offset(Offset),
}

#[derive(Serialize)]
struct Record<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: i64,
    key: Encoded<'a>,
    value: Encoded<'a>,
    headers: Vec<Header<'a>>,
}

#[derive(Serialize)]
struct Header<'a> {
    name: Encoded<'a>,
    value: Encoded<'a>,
}

/// `GET /topics/{topic}/partitions/{partition}/records`.
pub async fn read(
    State(service): ServiceState,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<RecordsQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, HttpError> {
    let Query(query) = query.map_err(|rejection| HttpError::bad_request(rejection.body_text()))?;
    let (format, media_type) = Format::of_answer(query.format.as_deref(), &headers)?;
    let (from, limit) = (start_position(query.offset.as_deref())?, limit(query.limit.as_deref())?);
    let (topic, index) = partition_path(path)?;
    let topic = find(&service.agent, &topic).await?;
    let partition = partition_in(&topic, &index)?;
    let (body, memory) = answer(&service, partition, &topic.topic.name, (from, limit, format)).await?;
    let headers = [(CONTENT_TYPE, media_type.to_owned()), (CONTENT_LENGTH, body.len().to_string())];
    Ok((headers, held_body(body.into(), memory)))
}

/// The body, and the memory that it holds.
async fn answer(
    service: &Service,
    partition: TopicPartition,
    topic: &str,
    (from, limit, format): (StartPosition, usize, Format),
) -> Result<(Vec<u8>, Permit), HttpError> {
    let mut memory = memory_of_one(&service.agent).await?;
    let records = records(&service.agent, partition, from, limit).await?;
    let body = written(topic, partition, &records, format);
    memory.set(body.capacity());
    Ok((body, memory))
}

async fn memory_of_one(agent: &Agent) -> Result<Permit, HttpError> {
    let memory = agent.memory.acquire_in_time(Demand::exactly(Share::Http, READ_BYTES)).await;
    memory.ok_or_else(|| {
        agent.metrics.fetches_without_memory.inc();
        HttpError::new(503, "other answers hold the memory for this one; read again later")
    })
}

async fn records(
    agent: &Agent,
    partition: TopicPartition,
    from: StartPosition,
    limit: usize,
) -> Result<Vec<ReadRecord>, FetchError> {
    let spec = match from {
        StartPosition::Offset(offset) => return agent.fetch.read_records(partition, offset, limit).await,
        StartPosition::Earliest => OffsetSpec::Earliest,
        StartPosition::Latest => OffsetSpec::Latest,
    };
    let found = agent.fetch.list_offset(partition, spec, true).await?;
    match agent.fetch.read_records(partition, found.offset, limit).await {
        // Retention has moved the log start meanwhile.
        Err(FetchError::OffsetOutOfRange { start, .. }) if from == StartPosition::Earliest => {
            agent.fetch.read_records(partition, start, limit).await
        }
        read => read,
    }
}

/// The records as a JSON array.
fn written(topic: &str, partition: TopicPartition, records: &[ReadRecord], format: Format) -> Vec<u8> {
    let mut out = Vec::with_capacity(records.len() * RECORD_BYTES_TYPICAL);
    out.push(b'[');
    for (index, record) in records.iter().enumerate() {
        if out.len() > ANSWER_BYTES_MAX {
            break;
        }
        if index > 0 {
            out.push(b',');
        }
        let headers = record.headers.iter().map(|(name, value)| Header {
            name: Format::Text.encode(Some(name)),
            value: format.encode_header(value.as_deref()),
        });
        let record = Record {
            topic,
            partition: partition.partition.0,
            offset: record.offset.0,
            timestamp: record.timestamp.0,
            key: format.encode(record.key.as_deref()),
            value: format.encode(record.value.as_deref()),
            headers: headers.collect(),
        };
        serde_json::to_writer(&mut out, &record).expect("writing JSON to memory does not fail");
    }
    out.push(b']');
    out
}

fn start_position(offset: Option<&str>) -> Result<StartPosition, HttpError> {
    match offset {
        None | Some("earliest") => Ok(StartPosition::Earliest),
        Some("latest") => Ok(StartPosition::Latest),
        Some(number) => match number.parse() {
            Ok(offset) if offset >= 0 => Ok(StartPosition::Offset(Offset(offset))),
            _ => Err(HttpError::bad_request(format!("offset is a number from 0, earliest or latest, not {number:?}"))),
        },
    }
}

fn limit(limit: Option<&str>) -> Result<usize, HttpError> {
    let Some(text) = limit else { return Ok(LIMIT_DEFAULT) };
    match text.parse() {
        Ok(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        _ => Err(HttpError::bad_request(format!("limit is a number from 1 to {LIMIT_MAX}, not {text:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::World;

    #[tokio::test(start_paused = true)]
    async fn a_read_that_gets_no_memory_is_an_error_to_try_again() {
        let agent = World::new().await.agent().await;
        let held = agent.memory.charge(Share::Http, agent.config.answer_bytes_max);
        let refused = memory_of_one(&agent).await.expect_err("no memory");
        assert_eq!((refused.code, agent.metrics.fetches_without_memory.get()), (503, 1));
        drop(held);
        assert!(memory_of_one(&agent).await.is_ok());
    }
}
