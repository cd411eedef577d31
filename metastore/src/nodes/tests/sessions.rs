use std::{sync::Arc, time::Duration};

use alluvium_model::AgentId;
use alluvium_runtime::{ManualClock, SeededRng};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    Metastore,
    kv::{Db, FaultSwitch, KvFaults, MemoryEngine},
    leases::LeaseKey,
};

const EXPIRY: Duration = Duration::from_secs(3);

/// Times of which the tests know how they add up.
fn three_seconds() -> SessionConfig {
    SessionConfig { heartbeat_interval: Duration::from_millis(500), expiry: EXPIRY, alone: false }
}

/// A store that several processes use, each over a connection of its own that can be cut.
struct Cluster {
    engine: MemoryEngine,
    processes: u64,
}

/// A process with a session.
struct Process {
    metastore: Metastore,
    session: Session,
    connection: FaultSwitch,
    heartbeats: JoinHandle<()>,
}

impl Cluster {
    fn new() -> Self {
        Self { engine: MemoryEngine::default(), processes: 0 }
    }

    async fn start(&mut self, new: NewNode) -> Process {
        self.start_with(new, KvFaults::none(), three_seconds()).await
    }

    async fn start_with(&mut self, new: NewNode, faults: KvFaults, config: SessionConfig) -> Process {
        self.processes += 1;
        let rng = Arc::new(SeededRng::new(self.processes));
        let engine = self.engine.for_other_process(faults);
        let connection = engine.fault_switch();
        let metastore = Metastore::open(Db::new(Arc::new(engine), rng.clone()), &*rng).await.expect("opened");
        // Clocks of different processes have nothing to do with each other.
        let clock = Arc::new(ManualClock::new(NOW.plus_ms(self.processes as i64 * 1_000_000)));
        let session = Session::open(metastore.nodes.clone(), new, config, clock, rng).await.expect("registered");
        let heartbeats = tokio::spawn(session.clone().run(CancellationToken::new()));
        Process { metastore, session, connection, heartbeats }
    }
}

impl Process {
    fn live(&self) -> Vec<i32> {
        self.session.live().iter().map(|node| node.id.0).collect()
    }

    fn candidates(&self) -> Vec<i32> {
        self.session.candidates().iter().map(|candidate| candidate.id.0).collect()
    }

    /// Ends without leaving.
    fn crash(&self) {
        self.heartbeats.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn processes_see_each_other_register() {
    let mut cluster = Cluster::new();
    let one = cluster.start(agent(None, Some("a"))).await;
    let mut changes = one.session.changes();
    assert_eq!(one.live(), [0]);
    let other = cluster.start(agent(None, Some("b"))).await;
    assert_eq!((other.live(), other.candidates()), (vec![0, 1], vec![0, 1]), "a new process sees the others at once");
    timeout(Duration::from_secs(1), changes.changed()).await.expect("within a heartbeat").expect("notified");
    assert_eq!((one.live(), one.candidates()), (vec![0, 1], vec![0, 1]));
    let before = *changes.borrow_and_update();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(*changes.borrow(), before, "mere heartbeats are no change");
}

#[tokio::test(start_paused = true)]
async fn a_crashed_process_is_removed_within_an_expiry_and_some_heartbeats() {
    let mut cluster = Cluster::new();
    let (one, other) = (cluster.start(agent(None, None)).await, cluster.start(agent(None, None)).await);
    let third = cluster.start(agent(None, None)).await;
    let group = LeaseKey::Group(alluvium_model::group::GroupId::new("g").expect("short"));
    let rng = SeededRng::new(9);
    let acquire = async |process: &Process| {
        let owner = process.session.lease_owner();
        process.metastore.leases.acquire(std::slice::from_ref(&group), owner, &rng).await.expect("read").remove(0)
    };
    assert!(acquire(&one).await.is_some());
    sleep(Duration::from_secs(2)).await;
    let crashed = Instant::now();
    one.crash();
    assert!(acquire(&other).await.is_none());
    eventually("gone", || other.live() == [1, 2] && third.live() == [1, 2]).await;
    assert!(crashed.elapsed() >= EXPIRY - three_seconds().heartbeat_interval, "{:?}", crashed.elapsed());
    assert!(crashed.elapsed() <= EXPIRY + Duration::from_secs(1), "{:?}", crashed.elapsed());
    assert!(acquire(&other).await.is_some(), "its leases ended with its registration");
    assert_eq!(cluster.start(agent(None, None)).await.session.node().id, AgentId(0));
}

/// Connections are slow and fail now and then; one is cut and restored. At every moment each valid process is
/// registered.
#[tokio::test(start_paused = true)]
async fn no_process_is_removed_that_is_still_valid_for_itself() {
    for seed in 0..12 {
        let mut cluster = Cluster::new();
        let faults = |n| KvFaults {
            seed: seed * 10 + n,
            conflict_per_mille: 50,
            unknown_per_mille: 100,
            latency_max: Duration::from_millis(15 * seed),
            ..KvFaults::default()
        };
        let one = cluster.start_with(agent(None, None), faults(1), three_seconds()).await;
        let other = cluster.start_with(agent(None, None), faults(2), three_seconds()).await;
        let db = Db::new(Arc::new(cluster.engine.for_other_process(KvFaults::none())), Arc::new(SeededRng::new(0)));
        let nodes = Nodes::new(db);
        let first = one.session.lease_owner();
        let mut was_removed = false;
        for tick in 0..1_500 {
            one.connection.cut((300..900).contains(&tick) || (1_100..1_200).contains(&tick));
            sleep(Duration::from_millis(10)).await;
            for process in [&one, &other] {
                // Validity is read before the registration: read the other way round, both could be true of different
                // moments.
                let (is_valid, lease_owner) = (process.session.is_valid(), process.session.lease_owner());
                let is_registered =
                    nodes.list().await.expect("read").iter().any(|node| node.lease_owner() == lease_owner);
                assert!(is_registered || !is_valid, "seed {seed}, tick {tick}: {lease_owner}");
                was_removed |= lease_owner == first && !is_registered;
            }
        }
        assert!(was_removed, "seed {seed}: nothing was tested");
        eventually("back again", || one.session.is_valid() && other.live() == [0, 1] && one.live() == [0, 1]).await;
        assert_ne!(one.session.lease_owner(), first);
        assert_eq!(one.session.node().id, AgentId(0));
    }
}

/// The heartbeat is recorded, its response comes only just before the node would expire, and then the node crashes.
#[tokio::test(start_paused = true)]
async fn a_node_is_valid_from_the_start_of_its_heartbeat_not_from_the_response() {
    let mut cluster = Cluster::new();
    let slow = KvFaults { latency_max: Duration::from_millis(40), ..KvFaults::none() };
    let one = cluster.start_with(agent(None, None), slow, three_seconds()).await;
    let other = cluster.start(agent(None, None)).await;
    let lease_owner = one.session.lease_owner();
    let row = async || {
        let nodes = other.metastore.nodes.list().await.expect("read");
        nodes.into_iter().find(|node| node.lease_owner() == lease_owner)
    };
    let heartbeats = row().await.expect("registered").heartbeats;
    while row().await.expect("registered").heartbeats == heartbeats {
        sleep(Duration::from_millis(1)).await;
    }
    one.connection.cut(true);
    sleep(Duration::from_millis(2_800)).await;
    one.connection.cut(false);
    sleep(Duration::from_millis(90)).await;
    one.crash();
    while row().await.is_some() {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(!one.session.is_valid());
}

#[tokio::test(start_paused = true)]
async fn no_node_is_removed_because_the_metastore_was_out_of_reach_for_all() {
    for first in [0, 1] {
        let mut cluster = Cluster::new();
        let both = [cluster.start(agent(None, None)).await, cluster.start(agent(None, None)).await];
        sleep(Duration::from_secs(1)).await;
        let owners = both.each_ref().map(|process| process.session.lease_owner());
        both.iter().for_each(|process| process.connection.cut(true));
        sleep(Duration::from_secs(60)).await;
        assert!(both.iter().all(|process| !process.session.is_valid()));
        // One connection is restored before the other.
        both[first].connection.cut(false);
        sleep(Duration::from_secs(1)).await;
        assert!(both[first].session.is_valid());
        both[1 - first].connection.cut(false);
        eventually("valid again", || both.iter().all(|process| process.session.is_valid())).await;
        sleep(Duration::from_secs(10)).await;
        assert_eq!(both.each_ref().map(|process| process.session.lease_owner()), owners);
        assert_eq!(both.each_ref().map(Process::live), [[0, 1], [0, 1]]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_draining_node_is_no_candidate_and_one_that_leaves_is_removed_at_once() {
    let mut cluster = Cluster::new();
    let (one, other) = (cluster.start(agent(None, None)).await, cluster.start(agent(None, None)).await);
    one.session.drain().await;
    assert_eq!((one.live(), one.candidates(), one.session.node().state), (vec![0, 1], vec![1], NodeState::Draining));
    eventually("no candidate any more", || other.candidates() == [1]).await;
    assert_eq!(other.live(), [0, 1]);
    assert!(one.session.is_valid(), "it may finish what it has begun");
    sleep(Duration::from_secs(10)).await;
    assert_eq!(other.candidates(), [1], "further heartbeats do not make it active again");
    let left = Instant::now();
    one.session.leave().await;
    assert!(!one.session.is_valid());
    eventually("gone", || other.live() == [1]).await;
    assert!(left.elapsed() < Duration::from_secs(1), "{:?}", left.elapsed());
    timeout(Duration::from_secs(1), one.heartbeats).await.expect("the heartbeats end").expect("without a panic");
}

#[tokio::test(start_paused = true)]
async fn drain_and_leave_do_not_wait_for_a_metastore_that_does_not_respond() {
    let mut cluster = Cluster::new();
    for after_ms in [0, 400, 700, 1_100, 2_900] {
        let one = cluster.start(agent(None, None)).await;
        one.connection.cut(true);
        sleep(Duration::from_millis(after_ms)).await;
        let begun = Instant::now();
        one.session.drain().await;
        one.session.leave().await;
        assert!(begun.elapsed() <= Duration::from_secs(4));
        assert!(!one.candidates().contains(&one.session.node().id.0) && !one.session.is_valid());
        one.connection.cut(false);
        sleep(Duration::from_secs(30)).await;
        assert!(!one.session.is_valid(), "a process that has left is never valid again, nor registers again");
        assert!(one.heartbeats.is_finished());
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_must_have_its_id_ends_when_another_takes_it() {
    let mut cluster = Cluster::new();
    let old = cluster.start(agent(Some(7), None)).await;
    assert!(timeout(Duration::from_secs(5), old.session.replaced()).await.is_err());
    let new = cluster.start(agent(Some(7), None)).await;
    timeout(Duration::from_secs(1), old.session.replaced()).await.expect("within a heartbeat");
    assert!(!old.session.is_valid());
    old.session.leave().await;
    sleep(Duration::from_secs(5)).await;
    assert!(new.session.is_valid());
    assert_eq!(new.metastore.nodes.list().await.expect("read").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_process_whose_id_was_assigned_takes_another_when_it_lost_it() {
    let mut cluster = Cluster::new();
    let old = cluster.start(agent(None, None)).await;
    old.connection.cut(true);
    let watcher = cluster.start(agent(None, None)).await;
    eventually("gone", || watcher.live() == [1]).await;
    let new = cluster.start(agent(None, None)).await;
    assert_eq!(new.session.node().id, AgentId(0));
    old.connection.cut(false);
    eventually("back", || old.session.is_valid() && old.session.node().id == AgentId(2)).await;
    eventually("seen", || new.live() == [0, 1, 2] && old.live() == [0, 1, 2]).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_alone_removes_all_others_and_needs_no_heartbeat() {
    let mut cluster = Cluster::new();
    let before = cluster.start(agent(None, None)).await;
    before.crash();
    let config = SessionConfig::alone();
    let alone = cluster.start_with(agent(None, None), KvFaults::none(), config).await;
    assert_eq!((alone.live(), alone.candidates(), alone.session.node().id), (vec![0], vec![0], AgentId(0)));
    let written = alone.metastore.db.metrics().commits.load(std::sync::atomic::Ordering::Relaxed);
    sleep(Duration::from_secs(60)).await;
    assert!(alone.session.is_valid());
    assert_eq!(alone.metastore.db.metrics().commits.load(std::sync::atomic::Ordering::Relaxed), written);
    alone.session.drain().await;
    assert!(alone.candidates().is_empty());
    alone.session.leave().await;
    assert!(!alone.session.is_valid());
    assert_eq!(alone.metastore.nodes.list().await.expect("read"), []);
}

/// A replaced process may not know it yet, and answer from memory what it has leased: the lease is not free before it
/// knows.
#[tokio::test(start_paused = true)]
async fn the_leases_of_a_replaced_process_are_free_when_it_knows_or_must_know_it() {
    for is_cut in [false, true] {
        let mut cluster = Cluster::new();
        let old = cluster.start(agent(Some(7), None)).await;
        let group = LeaseKey::Group(alluvium_model::group::GroupId::new("g").expect("short"));
        let rng = SeededRng::new(9);
        let acquire = async |process: &Process| {
            let owner = process.session.lease_owner();
            let leases = process.metastore.leases.acquire(std::slice::from_ref(&group), owner, &rng);
            leases.await.expect("read").remove(0)
        };
        assert!(acquire(&old).await.is_some());
        old.connection.cut(is_cut);
        let new = cluster.start(agent(Some(7), None)).await;
        let begun = Instant::now();
        while acquire(&new).await.is_none() {
            assert!(begun.elapsed() < EXPIRY + Duration::from_secs(1));
            sleep(Duration::from_millis(10)).await;
        }
        assert!(!old.session.is_valid());
        let within_a_heartbeat = begun.elapsed() <= Duration::from_millis(550);
        assert_eq!(within_a_heartbeat, !is_cut, "{:?}", begun.elapsed());
        assert_eq!(new.live(), [7]);
    }
}
