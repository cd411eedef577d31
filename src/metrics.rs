//! Metrics of the process beside its agent's: its registration as a node, and the compactor's counters.

use alluvium_compactor::{Compactor, Counters, TaskGauges};
use alluvium_gateway::metrics::{Definition, Kind, Metric, MetricSource, Read, Sample, Series, read_all};
use alluvium_metastore::nodes::{Node, NodeState, Session};

/// This node and the others, as the session sees them.
pub struct NodeMetrics(pub Session);

/// Metrics of nodes.
pub const NODE_METRICS: &[Metric<Session>] = &[
    Metric::gauge("nodes_live", "nodes", "Nodes whose heartbeat was seen in time, this one included", |session| {
        live(session, |_| true)
    }),
    Metric::gauge("agents_live", "nodes", "Agents among the live nodes", |session| {
        live(session, |node| node.kafka.is_some())
    }),
    Metric::gauge("nodes_draining", "nodes", "Live nodes that are draining", |session| {
        live(session, |node| node.state == NodeState::Draining)
    }),
    Metric::gauge("nodes_degraded", "nodes", "Live nodes that cannot use the object store", |session| {
        live(session, |node| node.state == NodeState::Degraded)
    }),
    Metric::gauge(
        "nodes_suspected",
        "nodes",
        "Live nodes that closed their connections to this one and refuse new ones",
        |session| session.suspects().len() as u64,
    ),
    Metric::gauge("degraded", "boolean", "1 if this node cannot use the object store", |session| {
        u64::from(session.node().state == NodeState::Degraded)
    }),
    Metric::gauge("registration_valid", "boolean", "1 if this node's own heartbeats are accepted in time", |session| {
        u64::from(session.is_valid())
    }),
    Metric::optional_gauge(
        "heartbeat_age_milliseconds",
        "milliseconds",
        "Time since this node's last accepted heartbeat",
        |session| session.heartbeat_age().and_then(|age| u64::try_from(age.as_millis()).ok()),
    ),
];

fn live(session: &Session, is_counted: fn(&Node) -> bool) -> u64 {
    session.live().iter().filter(|node| is_counted(node)).count() as u64
}

impl MetricSource for NodeMetrics {
    fn samples(&self) -> Vec<Sample> {
        read_all(NODE_METRICS, &self.0)
    }
}

/// Metrics of a compactor's tasks.
pub const TASK_METRICS: &[Metric<Compactor>] = &[
    Metric::gauges(
        "compactor_task_backlog",
        "items",
        &["task"],
        "Work that a task of the compactor knows of and has not done: partitions, objects, topics or feed entries; for a \
         sweep of rows, 1 while it is under way",
        |compactor| task_series(compactor, |task| Some(task.backlog)),
    ),
    Metric::gauges(
        "compactor_task_pass_age_milliseconds",
        "milliseconds",
        &["task"],
        "Time since a task of the compactor last had nothing left to do; absent while it has not come that far, or \
         another compactor has its role",
        |compactor| task_series(compactor, |task| u64::try_from(task.since_pass?.as_millis()).ok()),
    ),
    Metric::gauges(
        "compactor_task_failed_passes",
        "passes",
        &["task"],
        "Passes of a task of the compactor that failed since the start; it is tried again later and later",
        |compactor| task_series(compactor, |task| Some(task.failures)),
    ),
];

fn task_series(compactor: &Compactor, value: fn(&TaskGauges) -> Option<u64>) -> Vec<Series> {
    let series = |task: TaskGauges| {
        let value = i64::try_from(value(&task)?).unwrap_or(i64::MAX);
        Some(Series { labels: vec![task.task.to_owned()], value })
    };
    compactor.task_gauges().into_iter().filter_map(series).collect()
}

/// One compactor's counters.
pub struct CompactorMetrics(pub Compactor);

/// Metrics of a compactor, as its crate declares them.
pub fn compactor_metrics() -> Vec<Metric<Counters>> {
    let metric = |metric: &alluvium_compactor::CounterMetric| Metric {
        definition: Definition {
            name: metric.name,
            kind: if metric.is_gauge { Kind::Gauge } else { Kind::Counter },
            unit: metric.unit,
            labels: &[],
            help: metric.help,
        },
        read: Read::Value(metric.read),
    };
    Counters::METRICS.iter().copied().flatten().map(metric).collect()
}

impl MetricSource for CompactorMetrics {
    fn samples(&self) -> Vec<Sample> {
        let mut samples = read_all(&compactor_metrics(), self.0.counters());
        samples.extend(read_all(TASK_METRICS, &self.0));
        samples
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

    use alluvium_gateway::{http::metric_definitions, metrics::definitions};

    use super::*;

    const TABLE: &str = "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n";

    fn all() -> Vec<Definition> {
        let mut all = metric_definitions();
        all.extend(definitions(NODE_METRICS));
        all.extend(definitions(&compactor_metrics()));
        all.extend(definitions(TASK_METRICS));
        all.sort_by_key(|definition| definition.name);
        all
    }

    #[test]
    fn every_metric_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = all().iter().map(|definition| definition.name).collect();
        assert_eq!(names.len(), all().len());
    }

    #[test]
    fn docs_metrics_md_shows_every_metric() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
        let document = fs::read_to_string(&path).expect("docs/metrics.md exists");
        let (before, found) = document.split_once(TABLE).expect("docs/metrics.md has the table of metrics");
        let mut rows = String::new();
        for definition in all() {
            let labels: Vec<String> = definition.labels.iter().map(|label| format!("`{label}`")).collect();
            let (name, kind) = (definition.full_name(), definition.kind.name());
            let Definition { unit, help, .. } = definition;
            writeln!(rows, "| `{name}` | {kind} | {unit} | {} | {help} |", labels.join(", "))
                .expect("a string takes it");
        }
        if found != rows {
            let is_update = std::env::var_os("UPDATE_DOCS").is_some();
            assert!(is_update, "docs/metrics.md is out of date; run UPDATE_DOCS=1 cargo test metrics");
            fs::write(&path, format!("{before}{TABLE}{rows}")).expect("docs/metrics.md is writable");
        }
    }
}
