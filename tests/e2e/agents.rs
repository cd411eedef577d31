//! Several processes over one FoundationDB and one object store: takeover of a node id, drains, registrations.

use alluvium_fdb_server::{FdbServer, unique_prefix};
use rskafka::client::partition::Compression;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::block_in_place;

use crate::{
    records::{connect, partition, read_all, record, topic},
    server::{Server, wait_until},
};

/// Much longer than any test waits for the end of a process: it ends in time only if it does not wait for this.
const LONG_DRAIN: [&str; 2] = ["--drain-timeout", "1h"];

/// One cluster: a prefix in FoundationDB and a directory of objects.
struct Cluster {
    objects: TempDir,
    prefix: String,
}

impl Cluster {
    fn new() -> Self {
        Self { objects: tempfile::tempdir().expect("a directory"), prefix: unique_prefix() }
    }

    /// A process of `role` that is ready.
    fn start(&self, role: &'static str, flags: &[&str]) -> Server {
        let location = format!("fdb://{}", FdbServer::shared().cluster_file().display());
        let objects = self.objects.path().display().to_string();
        let stores = ["--metastore", &location, "--metastore-prefix", &self.prefix, "--store", &objects];
        Server::prepare(&[&stores, LONG_DRAIN.as_slice(), flags].concat()).with_role(role).started()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs FoundationDB: FDB_HOME"]
async fn what_one_agent_on_fdb_wrote_another_reads_when_the_first_has_drained() {
    let cluster = block_in_place(Cluster::new);
    let [mut first, second] = block_in_place(|| ["a", "b"].map(|zone| cluster.start("gateway", &["--zone", zone])));
    let writer = topic(&connect(&first).await, "handed-over", 1).await;
    let sent: Vec<_> = (0..50).map(record).collect();
    writer.produce(sent.clone(), Compression::NoCompression).await.expect("produced");
    block_in_place(|| {
        assert_eq!(first.stop().code(), Some(0), "{}", first.logged());
        assert!(wait_until(|| second.metric("alluvium_agents_live") == 1), "its registration is removed");
    });
    let reader = partition(&connect(&second).await, "handed-over", 0).await;
    let found: Vec<_> = read_all(&reader, 0).await.into_iter().map(|(_, record)| record).collect();
    assert_eq!(found, sent);
}

#[test]
#[ignore = "needs FoundationDB: FDB_HOME"]
fn an_agent_on_fdb_whose_number_is_taken_ends_with_an_error() {
    let cluster = Cluster::new();
    let mut first = cluster.start("gateway", &["--node-id", "7"]);
    let second = cluster.start("gateway", &["--node-id", "7"]);
    assert_eq!(first.ended().code(), Some(1));
    assert!(first.logged().contains("node 7 was taken over by another process"), "{}", first.logged());
    assert!(second.is_ready(), "{}", second.logged());
    assert_eq!(second.metric("alluvium_registration_valid"), 1);
}

#[test]
#[ignore = "needs FoundationDB: FDB_HOME"]
fn an_agent_on_fdb_told_twice_to_stop_does_so_at_once() {
    let cluster = Cluster::new();
    let mut first = cluster.start("gateway", &[]);
    let second = cluster.start("gateway", &[]);
    first.terminate();
    assert!(wait_until(|| first.logged().contains("draining")));
    assert_eq!(first.stop().code(), Some(1), "{}", first.logged());
    assert!(wait_until(|| second.metric("alluvium_agents_live") == 1), "its registration is removed");
}

#[test]
#[ignore = "needs FoundationDB: FDB_HOME"]
fn a_compactor_on_fdb_is_observed_over_http_and_stops_when_told() {
    let cluster = Cluster::new();
    let mut compactor = cluster.start("compactor", &[]);
    assert!(compactor.get("/healthz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")));
    assert!(compactor.get("/topics").is_some_and(|answer| answer.starts_with("HTTP/1.1 404")), "it serves no clients");
    assert_eq!(compactor.metric("alluvium_compaction_files_total"), 0);
    assert_eq!((compactor.metric("alluvium_nodes_live"), compactor.metric("alluvium_agents_live")), (1, 0));
    assert_eq!(compactor.stop().code(), Some(0), "{}", compactor.logged());
}

#[test]
#[ignore = "needs FoundationDB: FDB_HOME"]
fn the_doctor_sees_the_nodes_on_fdb_and_joins_them_for_no_longer_than_it_takes() {
    let cluster = Cluster::new();
    let agent = cluster.start("gateway", &["--zone", "a"]);
    let _compactor = cluster.start("compactor", &[]);
    assert!(wait_until(|| agent.metric("alluvium_nodes_live") == 2));
    let (status, output) = agent.doctor(&["--json"]);
    assert!(status.success(), "{output}");
    let document: Value = serde_json::from_str(&output).expect("a document");
    let findings = document["findings"].as_array().expect("findings");
    let finding = |check: &str| findings.iter().find(|finding| finding["check"] == check).expect("the check is made");
    for check in [
        "metastore.open",
        "metastore.read",
        "metastore.commit",
        "nodes.registered",
        "nodes.stale",
        "nodes.clocks",
        "nodes.reachable",
    ] {
        // A warning: this machine is slow at the moment.
        assert!(["ok", "warning"].map(Value::from).contains(&finding(check)["outcome"]), "{:#}", finding(check));
    }
    let nodes = finding("nodes.registered")["measured"]["nodes"].as_array().expect("nodes").clone();
    assert_eq!(nodes.len(), 2, "the doctor's own node is gone: {nodes:?}");
    assert_eq!((&nodes[0]["zone"], &nodes[1]["compacts"]), (&Value::from("a"), &Value::from(true)));
    assert_eq!(nodes[0]["kafka"], agent.address());
}
