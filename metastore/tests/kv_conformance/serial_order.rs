//! Strict serializability, which implies the other guarantees: concurrent transactions are equivalent to serial ones in
//! the order of their versionstamps.
//!
//! Each transaction does a random list of reads and writes, and stores its id and all that it read under a
//! versionstamped key. Afterwards that log is replayed in its order against a plain map: every transaction is in it
//! once and read exactly what the map holds at that point, and in the end the map equals the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use alluvium_metastore::kv::{Db, Error, Range, Tx};
use bytes::Bytes;
use futures::future::join_all;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngSeed, TestRunner},
};

use crate::engines::Subject;

/// Programs that run one after the other on one store, each on the rows that the previous ones left.
const PROGRAMS: usize = 40;
const DATA: u8 = b'd';
const KEYS: u8 = 10;

#[derive(Clone, Debug)]
enum Step {
    Get(u8),
    GetRange {
        keys: (u8, u8),
        limit: usize,
        reverse: bool,
    },
    Set(u8, u8),
    /// Writes a digest of everything read so far.
    SetRead(u8),
    Clear(u8),
    ClearRange(u8, u8),
    Add(u8, i64),
    /// Lets other clients run first.
    Yield,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS;
    prop_oneof![
        4 => key().prop_map(Step::Get),
        2 => (key(), 0..=KEYS, 1..6usize, any::<bool>()).prop_map(|(a, b, limit, reverse)| Step::GetRange {
            keys: (a.min(b), a.max(b)), limit, reverse
        }),
        2 => (key(), any::<u8>()).prop_map(|(key, value)| Step::Set(key, value)),
        2 => key().prop_map(Step::SetRead),
        1 => key().prop_map(Step::Clear),
        1 => (key(), key()).prop_map(|(a, b)| Step::ClearRange(a.min(b), a.max(b))),
        2 => (key(), any::<i64>()).prop_map(|(key, delta)| Step::Add(key, delta)),
        3 => Just(Step::Yield),
    ]
}

/// A list of clients, each a list of transactions, each a list of steps.
fn program() -> impl Strategy<Value = Vec<Vec<Vec<Step>>>> {
    let transaction = proptest::collection::vec(step(), 1..8);
    proptest::collection::vec(proptest::collection::vec(transaction, 1..5), 2..6)
}

fn key(number: u8) -> [u8; 2] {
    [DATA, number]
}

#[expect(clippy::print_stdout, reason = "the seed is shown where the test fails")]
pub async fn transactions_are_equivalent_to_the_order_of_their_stamps(subject: Subject) {
    let seed = std::env::var("PROPTEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand_seed);
    println!("PROPTEST_SEED={seed}");
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed), ..Config::default() });
    let db = subject.db();
    let mut model = Model::default();
    for number in 0..PROGRAMS {
        let program = program().new_tree(&mut runner).unwrap().current();
        run(&db, number, &program).await;
        model.replay(&db, number, &program).await;
    }
}

fn rand_seed() -> u64 {
    alluvium_runtime::Rng::next_u64(&alluvium_runtime::SystemRng)
}

async fn run(db: &Db, number: usize, program: &[Vec<Vec<Step>>]) {
    let client = async |(client, transactions): (usize, &Vec<Vec<Step>>)| {
        for (index, steps) in transactions.iter().enumerate() {
            let id = &format!("{number}/{client}/{index}");
            db.run("program", |tx| perform(tx, id, steps)).await.unwrap();
        }
    };
    join_all(program.iter().enumerate().map(client)).await;
}

async fn perform(tx: Tx, id: &str, steps: &[Step]) -> Result<(), Error> {
    let done = format!("done/{id}");
    if tx.is_maybe_committed() && tx.get(done.as_bytes()).await?.is_some() {
        return Ok(());
    }
    let mut read = String::new();
    for step in steps {
        match step {
            Step::Get(number) => record(&mut read, tx.get(&key(*number)).await?.as_deref()),
            Step::GetRange { keys: (begin, end), limit, reverse } => {
                let query = Range { reverse: *reverse, ..Range::new(key(*begin), key(*end)).limit(*limit) };
                for (key, value) in tx.range(query).await? {
                    record(&mut read, Some(&key));
                    record(&mut read, Some(&value));
                }
            }
            Step::Set(number, value) => tx.set(&key(*number), &[*value]),
            Step::SetRead(number) => tx.set(&key(*number), &digest(&read)),
            Step::Clear(number) => tx.clear(&key(*number)),
            Step::ClearRange(begin, end) => tx.clear_range(&key(*begin), &key(*end)),
            Step::Add(number, delta) => tx.add(&key(*number), *delta),
            Step::Yield => tokio::task::yield_now().await,
        }
    }
    tx.set(done.as_bytes(), b"");
    tx.set_versionstamped_key(b"log/", b"", format!("{id} {read}").as_bytes());
    Ok(())
}

fn record(read: &mut String, value: Option<&[u8]>) {
    write!(read, "{value:?};").unwrap();
}

/// A short value that depends on everything that was read.
fn digest(read: &str) -> [u8; 8] {
    read.bytes().fold(17u64, |digest, byte| digest.wrapping_mul(31).wrapping_add(u64::from(byte))).to_le_bytes()
}

#[derive(Default)]
struct Model(BTreeMap<u8, Vec<u8>>);

impl Model {
    async fn replay(&mut self, db: &Db, number: usize, program: &[Vec<Vec<Step>>]) {
        let log = rows(db, b"log/").await;
        let mut seen = BTreeSet::new();
        let prefix = format!("{number}/");
        for (_, entry) in log {
            let entry = String::from_utf8(entry.to_vec()).unwrap();
            let (id, read) = entry.split_once(' ').unwrap();
            let Some(path) = id.strip_prefix(&prefix) else { continue };
            let (client, index) = path.split_once('/').unwrap();
            let steps = &program[client.parse::<usize>().unwrap()][index.parse::<usize>().unwrap()];
            assert!(seen.insert(id.to_owned()), "{id} was committed twice");
            assert_eq!(self.perform(steps), read, "{id} read something else: {steps:?}");
        }
        assert_eq!(seen.len(), program.iter().map(Vec::len).sum::<usize>());
        let stored: BTreeMap<u8, Vec<u8>> = rows(db, &[DATA])
            .await
            .into_iter()
            .filter(|(key, _)| key.len() == 2)
            .map(|(k, v)| (k[1], v.to_vec()))
            .collect();
        assert_eq!(stored, self.0);
    }

    fn perform(&mut self, steps: &[Step]) -> String {
        let mut read = String::new();
        for step in steps {
            match step {
                Step::Get(number) => record(&mut read, self.0.get(number).map(Vec::as_slice)),
                Step::GetRange { keys: (begin, end), limit, reverse } => {
                    let mut found: Vec<_> = self.0.range(*begin..*end).collect();
                    if *reverse {
                        found.reverse();
                    }
                    for (number, value) in found.into_iter().take(*limit) {
                        record(&mut read, Some(&key(*number)));
                        record(&mut read, Some(value));
                    }
                }
                Step::Set(number, value) => drop(self.0.insert(*number, vec![*value])),
                Step::SetRead(number) => drop(self.0.insert(*number, digest(&read).to_vec())),
                Step::Clear(number) => drop(self.0.remove(number)),
                Step::ClearRange(begin, end) => self.0.retain(|number, _| !(*begin..*end).contains(number)),
                Step::Add(number, delta) => self.add(*number, *delta),
                Step::Yield => {}
            }
        }
        read
    }

    fn add(&mut self, number: u8, delta: i64) {
        let mut value = self.0.remove(&number).unwrap_or_default();
        value.resize(8, 0);
        let sum = i64::from_le_bytes(value.try_into().unwrap()).wrapping_add(delta);
        self.0.insert(number, sum.to_le_bytes().to_vec());
    }
}

async fn rows(db: &Db, prefix: &[u8]) -> Vec<(Bytes, Bytes)> {
    db.read("rows", |tx| async move { tx.range(Range::prefix(prefix)).await }).await.unwrap()
}
