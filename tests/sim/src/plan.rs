//! The plan of a run: drawn from its seed before it begins.
//!
//! Each kind of fault is on in some runs and off in others, because one fault may hide what another would show.

use std::time::Duration;

use alluvium_compactor::CompactorConfig;
use alluvium_gateway::config::AgentConfig;
use alluvium_history::HistoryCompression;
use alluvium_metastore::kv::KvFaults;
use alluvium_metastore::nodes::SessionConfig;
use alluvium_objects::faults::BucketFaults;

use crate::history::Retention;
use crate::rng::SimRng;

/// The topic that loops write to; none of them reads it.
pub const DERIVED: &str = "derived";
/// The shortest linger under a steady load, whose producers send as fast as they are answered: with 1 ms one of these
/// runs took minutes.
const STEADY_LINGER_MIN: Duration = Duration::from_millis(20);
/// The smallest target of history files under a steady load: readers that go through thousands of files of some records each
/// took half a minute.
const STEADY_FILE_BYTES_MIN: u64 = 20_000;
/// Makes another seed for the plan of transactions ("txn").
const TRANSACTIONS_SEED: u64 = 0x74_78_6e;
/// How many of a thousand seeds have no transactions.
const WITHOUT_TRANSACTIONS: u64 = 150;

/// One machine.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// Its name.
    pub name: String,
    /// Its zone, if the run configures zones.
    pub zone: Option<String>,
    /// Whether it runs an agent.
    pub serves: bool,
    /// Whether it runs a compactor.
    pub compacts: bool,
}

/// One topic.
#[derive(Clone, Debug)]
pub struct TopicPlan {
    /// Its name.
    pub name: String,
    /// Partitions at its creation.
    pub partitions: i32,
    /// Its retention, as the checker has to know it.
    pub retention: Retention,
    /// Its retention as topic configs.
    pub configs: Vec<(String, String)>,
}

/// The transactional clients.
#[derive(Clone, Copy, Debug)]
pub struct TransactionsPlan {
    /// Whether clients may name topics: those of version 1, and loops, whose offsets name them in every version. What
    /// comes late for a deleted topic would reach the next one of that name, so no topic is deleted then.
    pub names_topics: bool,
    /// Number of transactional producers.
    pub producers: usize,
    /// Number of transactional ids that they share: each takes it over from the other.
    pub ids: usize,
    /// Number of loops that share a transactional id and have no group members.
    pub loops: usize,
    /// Number of loops that are members of a group, each with a transactional id of its own.
    pub members: usize,
    /// The longest `transaction.timeout.ms`.
    pub timeout_max: Duration,
    /// How many of a thousand readers are read-committed.
    pub committed_per_mille: u64,
}

/// Which kinds of fault the nemesis injects.
#[derive(Clone, Copy, Debug)]
pub struct NemesisPlan {
    /// Machines crash and start again.
    pub crashes: bool,
    /// Machines are told to stop, and start again.
    pub restarts: bool,
    /// Machines are paused for a while.
    pub pauses: bool,
    /// Links are cut for a while.
    pub cuts: bool,
    /// Connections are reset.
    pub resets: bool,
    /// Wall clocks are skewed.
    pub skews: bool,
    /// Stores fail often and are slow for a while, as one machine sees them.
    pub degraded_stores: bool,
    /// Clients are killed or paused.
    pub clients: bool,
    /// The longest time between two faults.
    pub pause_max: Duration,
}

impl NemesisPlan {
    /// No faults.
    #[must_use]
    pub fn none(pause_max: Duration) -> Self {
        Self {
            crashes: false,
            restarts: false,
            pauses: false,
            cuts: false,
            resets: false,
            skews: false,
            degraded_stores: false,
            clients: false,
            pause_max,
        }
    }
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Time of load and faults, in virtual time.
    pub duration: Duration,
    /// The machines.
    pub nodes: Vec<NodePlan>,
    /// Names of zones.
    pub zones: Vec<String>,
    /// The topics that exist from the beginning.
    pub topics: Vec<TopicPlan>,
    /// Number of producers.
    pub producers: usize,
    /// Number of readers without a group.
    pub readers: usize,
    /// Number of members of each group.
    pub groups: Vec<usize>,
    /// Transactional clients, if the run has any.
    pub transactions: Option<TransactionsPlan>,
    /// Whether members of groups are static (`group.instance.id`).
    pub static_members: bool,
    /// Number of administrators.
    pub administrators: usize,
    /// Configuration of agents.
    pub agent: AgentConfig,
    /// Configuration of compactors.
    pub compactor: CompactorConfig,
    /// How processes register and renew their registration.
    pub session: SessionConfig,
    /// Faults of the metastore when the nemesis does nothing.
    pub metastore: KvFaults,
    /// Faults of the object store when the nemesis does nothing.
    pub store: BucketFaults,
    /// The longest delay of one packet between clients and agents.
    pub latency_max: Duration,
    /// What the nemesis may do.
    pub nemesis: NemesisPlan,
    /// Whether the load goes on for a while after the end of all faults, and what works behind the write path is
    /// watched.
    pub steady_load: bool,
}

impl Plan {
    /// Draws a plan. `duration`, if given, replaces the one that is drawn.
    #[must_use]
    pub fn draw(rng: &SimRng, duration: Option<Duration>) -> Self {
        let zones: Vec<String> = (0..rng.count(1, 3)).map(|zone| format!("zone {}", letter(zone))).collect();
        let retire_grace = Duration::from_secs(rng.between(60, 180));
        Self {
            duration: duration.unwrap_or_else(|| Duration::from_secs(rng.between(20, 120))),
            nodes: nodes(rng, &zones),
            topics: topics(rng),
            producers: rng.count(1, 5),
            readers: rng.count(0, 2),
            groups: (0..rng.count(0, 2)).map(|_| rng.count(1, 4)).collect(),
            static_members: rng.chance(250),
            administrators: rng.count(0, 1),
            agent: agent(rng, retire_grace),
            compactor: compactor(rng, retire_grace),
            session: SessionConfig::default(),
            metastore: metastore(rng),
            store: store(rng),
            latency_max: rng.time(Duration::from_micros(200), Duration::from_millis(30)),
            nemesis: nemesis(rng),
            steady_load: false,
            transactions: None,
            zones,
        }
    }

    /// Adds a steady load after the end of all faults.
    pub fn add_steady_load(&mut self) {
        self.steady_load = true;
        self.agent.linger = self.agent.linger.max(STEADY_LINGER_MIN);
        self.compactor.file_bytes_target = self.compactor.file_bytes_target.max(STEADY_FILE_BYTES_MIN);
    }

    /// Leaves history uncompressed, but in one seed of four. Its files have some records each, and the contexts of zstd, two
    /// for each column that is written or read, took 42 % of the processor time of all runs: each asks for the processor's
    /// features, which a virtual machine answers slowly.
    pub fn choose_compression(&mut self, seed: u64) {
        // Of those with steady load, which are 20 apart, one of four too.
        if (seed / 4) % 4 != 2 {
            self.compactor.history_compression = HistoryCompression::Uncompressed;
        }
    }

    /// Adds transactions to most plans. They are drawn from `seed` and not with the rest, so that the same seed without
    /// them is the same run as it was before there were any.
    pub fn add_transactions(&mut self, seed: u64) {
        let rng = SimRng::new(seed ^ TRANSACTIONS_SEED);
        // Runs with steady load are long already: with transactions they would take twice as long.
        if self.steady_load || rng.chance(WITHOUT_TRANSACTIONS) {
            return;
        }
        self.transactions = Some(transactions(&rng));
        self.topics.push(TopicPlan {
            name: DERIVED.to_owned(),
            partitions: i32::try_from(rng.between(1, 3)).unwrap_or(1),
            retention: Retention::Forever,
            configs: vec![forever()],
        });
    }
}

fn transactions(rng: &SimRng) -> TransactionsPlan {
    let names_topics = rng.chance(750);
    let loops = |count| if names_topics { count } else { 0 };
    TransactionsPlan {
        names_topics,
        producers: rng.count(1, 2),
        ids: rng.count(1, 2),
        loops: loops(rng.count(0, 2)),
        members: loops(rng.count(0, 2)),
        timeout_max: rng.time(Duration::from_secs(2), Duration::from_secs(30)),
        committed_per_mille: rng.between(200, 900),
    }
}

fn letter(number: usize) -> char {
    char::from(b'a' + u8::try_from(number % 26).unwrap_or(0))
}

fn nodes(rng: &SimRng, zones: &[String]) -> Vec<NodePlan> {
    let (agents, compactors) = (rng.count(1, 4), rng.count(0, 2));
    let both = rng.chance(300);
    let has_zone = rng.chance(800);
    let zone = |number: usize| has_zone.then(|| zones[number % zones.len()].clone());
    let agent = |number| NodePlan { name: format!("agent {number}"), zone: zone(number), serves: true, compacts: both };
    let compactor =
        |number| NodePlan { name: format!("compactor {number}"), zone: zone(number), serves: false, compacts: true };
    (0..agents).map(agent).chain((0..compactors).map(compactor)).collect()
}

fn topics(rng: &SimRng) -> Vec<TopicPlan> {
    let topic = |number| {
        let (retention, configs) = match rng.below(6) {
            0 => {
                let age = Duration::from_secs(rng.between(30, 90));
                (Retention::Age(age), vec![("retention.ms".to_owned(), age.as_millis().to_string())])
            }
            1 => {
                let bytes = rng.between(2_000, 50_000).to_string();
                (Retention::Size, vec![("retention.bytes".to_owned(), bytes), forever()])
            }
            _ => (Retention::Forever, vec![forever()]),
        };
        let partitions = i32::try_from(rng.between(1, 4)).unwrap_or(1);
        TopicPlan { name: format!("topic-{number}"), partitions, retention, configs }
    };
    (0..rng.count(1, 3)).map(topic).collect()
}

fn forever() -> (String, String) {
    ("retention.ms".to_owned(), "-1".to_owned())
}

fn agent(rng: &SimRng, retire_grace: Duration) -> AgentConfig {
    AgentConfig {
        linger: rng.time(Duration::from_millis(1), Duration::from_millis(250)),
        segment_bytes_max: rng.choose(&[600, 5_000, 8 << 20]),
        segment_partitions_max: rng.choose(&[1, 3, 1_000]),
        uploads_in_flight_max: rng.count(1, 8),
        commit_age_max: Duration::from_secs(rng.choose(&[30, 600])),
        retire_grace,
        cache_bytes: rng.choose(&[256 << 10, 64 << 20]),
        auto_create_topics: false,
        topic_delete_grace: Duration::from_secs(rng.choose(&[0, 30])),
        group_initial_rebalance_delay: Duration::from_millis(rng.choose(&[0, 500])),
        unflushed_bytes_max: rng.choose(&[64 << 10, 256 << 20]),
        ..AgentConfig::default()
    }
}

fn compactor(rng: &SimRng, retire_grace: Duration) -> CompactorConfig {
    CompactorConfig {
        interval: rng.time(Duration::from_millis(500), Duration::from_secs(10)),
        compact_bytes_min: rng.choose(&[1, 2_000, 20_000]),
        compact_age_max: Duration::from_secs(rng.choose(&[2, 20])),
        file_bytes_target: rng.choose(&[2_000, 20_000, 1 << 20, 128 << 20]),
        retire_grace,
        orphan_age: Duration::from_secs(3_600),
        sweep_interval: Duration::from_secs(rng.between(10, 60)),
        feed_retention: Duration::from_secs(rng.choose(&[60, 3_600])),
        retention_check_interval: rng.time(Duration::from_secs(1), Duration::from_secs(20)),
        compact_small_age_max: Duration::from_secs(rng.choose(&[2, 20])),
        survey_interval: Duration::from_secs(rng.choose(&[20, 3_600])),
        shared_part_bytes_max: if rng.chance(800) { 1 << 20 } else { 0 },
        ..CompactorConfig::default()
    }
}

fn metastore(rng: &SimRng) -> KvFaults {
    let rate = |high: &[u16]| if rng.chance(500) { rng.choose(high) } else { 0 };
    KvFaults {
        conflict_per_mille: rate(&[5, 50, 200]),
        unknown_per_mille: rate(&[2, 20, 100]),
        too_old_per_mille: rate(&[1, 10]),
        latency_max: rng.time(Duration::from_micros(500), Duration::from_millis(30)),
        ..KvFaults::none()
    }
}

fn store(rng: &SimRng) -> BucketFaults {
    let rate = |high: &[u16]| if rng.chance(400) { rng.choose(high) } else { 0 };
    BucketFaults {
        latency_max: rng.time(Duration::from_millis(2), Duration::from_millis(300)),
        unavailable_per_mille: rate(&[5, 50, 200]),
        lost_answer_per_mille: rate(&[5, 50, 150]),
        hang_per_mille: rate(&[1, 10]),
        slow_body_per_mille: rate(&[10, 200]),
        slow_body_pause_max: Duration::from_secs(1),
        cut_short_per_mille: rate(&[5, 50]),
        torn_list_per_mille: rate(&[100, 500]),
        ..BucketFaults::default()
    }
}

fn nemesis(rng: &SimRng) -> NemesisPlan {
    let on = || rng.chance(500);
    NemesisPlan {
        crashes: on(),
        restarts: on(),
        pauses: on(),
        cuts: on(),
        resets: on(),
        skews: on(),
        degraded_stores: on(),
        clients: on(),
        pause_max: rng.time(Duration::from_secs(1), Duration::from_secs(15)),
    }
}
