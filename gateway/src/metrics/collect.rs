//! What is asked for when it is wanted: counters that others keep.

use alluvium_objects::Objects;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::fetch::Fetch;
use crate::groups::Groups;
use crate::metadata_cache::MetadataCache;
use crate::produce::Gate;

/// The counters of the object store, the gate, the metadata_cache and the groups.
pub struct AgentCollector {
    /// What was asked of the store.
    pub objects: Objects,
    /// What waits before the write path.
    pub gate: Gate,
    /// How much of the feed was seen.
    pub metadata_cache: MetadataCache,
    /// What happens to groups.
    pub groups: Groups,
    /// What old records take.
    pub fetch: Fetch,
}

impl std::fmt::Debug for AgentCollector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentCollector").finish_non_exhaustive()
    }
}

impl Collector for AgentCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let usage = self.objects.usage().totals();
        let groups = self.groups.totals();
        let counters = [
            ("object_puts", "PUT requests, tries counted", usage.puts),
            ("object_put_bytes", "Bytes put", usage.put_bytes),
            ("object_gets", "GET and HEAD requests, tries and hedges counted", usage.gets),
            ("object_get_bytes", "Bytes got", usage.get_bytes),
            ("object_deletes", "Objects deleted", usage.deletes),
            ("object_lists", "Pages of listings", usage.lists),
            ("object_retries", "Tries after the first", usage.retries),
            ("object_hedges", "GETs asked a second time", usage.hedges),
            ("object_failures", "Operations that failed for good", usage.failures),
            ("backpressure_waits", "Admissions that had to wait", self.gate.waits()),
            ("group_rebalances", "Rebalances of consumer groups completed", groups.rebalances),
            ("group_members_expired", "Members of groups not heard of in time", groups.expired_members),
            ("groups_lost", "Groups in memory that another coordinator was found to have", groups.lost_groups),
            ("view_entries", "Feed entries applied", self.metadata_cache.entries_applied()),
            ("view_resets", "Times the feed was lost", self.metadata_cache.resets()),
        ];
        for (name, help, value) in counters {
            let value = ConstCounter::new(value);
            value.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let gauges = [
            ("unflushed_bytes", "Bytes admitted and not yet answered", self.gate.bytes_admitted() as u64),
            ("cold_read_bytes", "Memory that fetches of old records hold", self.fetch.cold_bytes_in_flight() as u64),
            ("view_lag_milliseconds", "Time since the feed was last read to its tip", self.metadata_cache.lag_ms()),
        ];
        for (name, help, value) in gauges {
            let value = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            value.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let help = "Consumer groups in memory";
        let mut family = encoder.encode_descriptor("groups", help, None, MetricType::Gauge)?;
        for (state, number) in groups.by_state {
            let number = ConstGauge::new(i64::try_from(number).unwrap_or(i64::MAX));
            number.encode(family.encode_family(&[("state", state)])?)?;
        }
        Ok(())
    }
}
