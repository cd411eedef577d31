//! Metrics of an agent whose values its parts hold: they are read at each scrape.

use alluvium_model::limits::FETCH_SESSION_BYTES_MAX;
use alluvium_objects::UsageTotals;

use super::Agent;
use crate::fetch::Fetch;
use crate::groups::GroupTotals;
use crate::memory::{MemoryBudget, SHARES, Share};
use crate::metadata_cache::MetadataCache;
use crate::metrics::{Metric, MetricSource, Sample, Series, read_all};
use crate::produce::Produce;
use crate::transactions::OpenTransactions;

/// What the table reads from. Totals are taken once for all rows.
#[derive(Clone)]
pub struct AgentReadings {
    store: UsageTotals,
    groups: GroupTotals,
    produce: Produce,
    fetch: Fetch,
    memory: MemoryBudget,
    cache: MetadataCache,
    transactions: OpenTransactions,
    fetch_session_bytes: usize,
}

/// Metrics of an agent's parts.
pub const AGENT_METRICS: &[Metric<AgentReadings>] = &[
    Metric::counter("object_puts", "requests", "PUT requests to the object store, retries included", |agent| {
        agent.store.puts
    }),
    Metric::counter("object_put_bytes", "bytes", "Bytes of objects put", |agent| agent.store.put_bytes),
    Metric::counter("object_gets", "requests", "GET and HEAD requests, retries and hedges included", |agent| {
        agent.store.gets
    }),
    Metric::counter("object_get_bytes", "bytes", "Bytes of objects got", |agent| agent.store.get_bytes),
    Metric::counter("object_deletes", "objects", "Objects deleted", |agent| agent.store.deletes),
    Metric::counter("object_lists", "requests", "Pages of listings requested", |agent| agent.store.lists),
    Metric::counter("object_retries", "requests", "Requests to the object store after the first try", |agent| {
        agent.store.retries
    }),
    Metric::counter(
        "object_hedges",
        "requests",
        "GET requests sent a second time because the first was slow",
        |agent| agent.store.hedges,
    ),
    Metric::counter("object_failures", "operations", "Operations on objects that failed after all retries", |agent| {
        agent.store.failures
    }),
    Metric::counter("backpressure_waits", "requests", "Produce requests that waited for memory", |agent| {
        agent.produce.admission().waits()
    }),
    Metric::counter("group_rebalances", "rebalances", "Rebalances of consumer groups completed", |agent| {
        agent.groups.rebalances
    }),
    Metric::counter(
        "group_members_expired",
        "members",
        "Group members removed because their session timed out",
        |agent| agent.groups.expired_members,
    ),
    Metric::counter("groups_lost", "groups", "Groups in memory that another agent turned out to coordinate", |agent| {
        agent.groups.lost_groups
    }),
    Metric::counter("view_entries", "entries", "Feed entries applied to the metadata cache", |agent| {
        agent.cache.entries_applied()
    }),
    Metric::counter(
        "view_resets",
        "resets",
        "Times that the metadata cache was rebuilt because feed entries were gone",
        |agent| agent.cache.resets(),
    ),
    Metric::gauge(
        "produce_bytes_per_second_max",
        "bytes/s",
        "Bytes a second that this agent takes from producers, as compaction falls behind; 0: no limit",
        |agent| agent.produce.rate_limit().get().unwrap_or(0),
    ),
    Metric::gauge("unflushed_bytes", "bytes", "Produced bytes admitted and not yet acknowledged", |agent| {
        agent.produce.admission().bytes_admitted() as u64
    }),
    Metric::gauges(
        "answer_bytes",
        "bytes",
        &["share"],
        "Memory that answers hold until they are written, by what they answer",
        |agent| by_share(|share| agent.memory.bytes_of(share) as u64),
    ),
    Metric::gauge("answer_bytes_peak", "bytes", "The most memory that answers have held since the start", |agent| {
        agent.memory.peak() as u64
    }),
    Metric::counters(
        "answer_waits",
        "answers",
        &["share"],
        "Answers that waited for memory, by what they answer",
        |agent| by_share(|share| agent.memory.waits_of(share)),
    ),
    Metric::gauge(
        "block_bytes_live",
        "bytes",
        "Memory of blocks, those included that a cache has evicted and answers still hold",
        |agent| agent.fetch.live_block_bytes(),
    ),
    Metric::gauge("fetch_session_bytes", "bytes", "Memory of the fetch sessions of consumers", |agent| {
        agent.fetch_session_bytes as u64
    }),
    Metric::gauge("view_lag_milliseconds", "milliseconds", "Time since the feed was last read to its end", |agent| {
        agent.cache.lag_ms()
    }),
    Metric::gauges("groups", "groups", &["state"], "Consumer groups in memory, by state", |agent| {
        let series = |(state, count): (&&'static str, &u64)| Series {
            labels: vec![(*state).to_owned()],
            value: i64::try_from(*count).unwrap_or(i64::MAX),
        };
        agent.groups.by_state.iter().map(series).collect()
    }),
    Metric::gauges(
        "open_transactions",
        "transactions",
        &["age"],
        "Open transactions of the cluster, at most 10,000, by the longest age of their class: 10s, 1m, 15m or longer",
        |agent| {
            let series = |(age, count): (&str, u64)| Series { labels: vec![age.to_owned()], value: count as i64 };
            agent.transactions.by_age().map(series).collect()
        },
    ),
    Metric::gauge(
        "open_transaction_age_milliseconds_max",
        "milliseconds",
        "Age of the oldest open transaction of the cluster; 0: none is open",
        |agent| agent.transactions.oldest_ms,
    ),
    Metric::gauge(
        "late_transactions",
        "transactions",
        "Transactions of the cluster that are open though they timed out over 10 s ago",
        |agent| agent.transactions.late,
    ),
];

fn by_share(value: impl Fn(Share) -> u64) -> Vec<Series> {
    let series = |share: Share| Series {
        labels: vec![share.label().to_owned()],
        value: i64::try_from(value(share)).unwrap_or(i64::MAX),
    };
    SHARES.into_iter().map(series).collect()
}

impl MetricSource for Agent {
    fn samples(&self) -> Vec<Sample> {
        let readings = AgentReadings {
            store: self.objects.usage().totals(),
            groups: self.groups.totals(),
            produce: self.produce.clone(),
            fetch: self.fetch.clone(),
            memory: self.memory.clone(),
            cache: self.metadata_cache.clone(),
            transactions: self.transactions.open(),
            fetch_session_bytes: FETCH_SESSION_BYTES_MAX - self.fetch_session_memory.available_permits(),
        };
        read_all(AGENT_METRICS, &readings)
    }
}
