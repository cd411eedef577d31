//! A process killed during commits: every acknowledged transaction is there, each is whole, and none is there twice.

#![expect(clippy::unwrap_used, reason = "a test that fails is to stop")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::Arc,
};

use alluvium_metastore::kv::{Db, Error, Range, RedbEngine};
use alluvium_runtime::SystemRng;
use tempfile::TempDir;

/// The environment variable with the killed process's store. If it is set, this process is the one to be killed.
const DIRECTORY: &str = "ALLUVIUM_KV_CRASH_DIRECTORY";
const CLIENTS: u64 = 8;
const KILLS: usize = 5;

fn open(directory: &std::path::Path) -> Db {
    Db::new(Arc::new(RedbEngine::open(directory).unwrap()), Arc::new(SystemRng))
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().unwrap())
}

/// Adds one to the client's counter, logs it, and adds one to the total of all clients.
async fn increment(db: &Db, client: u64) -> Result<u64, Error> {
    db.run("increment", |tx| async move {
        let key = [b"count/", &client.to_be_bytes()[..]].concat();
        let next = tx.get(&key).await?.map_or(0, |count| number(&count)) + 1;
        tx.set(&key, &next.to_be_bytes());
        tx.set_versionstamped_key(b"log/", &client.to_be_bytes(), &next.to_be_bytes());
        tx.add(b"total", 1);
        Ok(next)
    })
    .await
}

/// The process that is killed: its clients never stop, and print each commit.
#[tokio::test(flavor = "multi_thread")]
async fn be_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let db = open(directory.as_ref());
    let clients = (0..CLIENTS).map(|client| {
        let db = db.clone();
        tokio::spawn(async move {
            loop {
                let count = increment(&db, client).await.unwrap();
                let mut out = std::io::stdout();
                out.write_all(format!("committed {client} {count}\n").as_bytes()).unwrap();
                out.flush().unwrap();
            }
        })
    });
    futures::future::join_all(clients.collect::<Vec<_>>()).await;
}

/// Starts a process, kills it after `lines` commits that it printed, and adds these to `acknowledged`.
fn run_and_kill(directory: &std::path::Path, lines: usize, acknowledged: &mut BTreeMap<u64, u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "be_killed", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut parse = |line: std::io::Result<String>| {
        let line = line.unwrap();
        // A line that the kill truncated does not count, nor do the test harness's own lines.
        let Some(commit) = line.split_once("committed ").map(|(_, commit)| commit) else { return false };
        let Some((client, count)) = commit.split_once(' ') else { return false };
        acknowledged.insert(client.parse().unwrap(), count.parse().unwrap());
        true
    };
    let mut commits = 0;
    while commits < lines {
        commits += usize::from(parse(out.next().expect("it runs until it is killed")));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn committed_transactions_survive_a_kill() {
    let directory = TempDir::new().unwrap();
    let mut acknowledged = BTreeMap::new();
    for round in 1..=KILLS {
        run_and_kill(directory.path(), 37 * round, &mut acknowledged);
        let db = open(directory.path());
        let counts = db.read("counts", |tx| async move { tx.range(Range::prefix("count/")).await }).await.unwrap();
        let log = db.read("log", |tx| async move { tx.range(Range::prefix("log/")).await }).await.unwrap();
        let total = db.read("total", |tx| async move { tx.get(b"total").await }).await.unwrap().unwrap();
        let counts: BTreeMap<u64, u64> = counts.iter().map(|(key, count)| (number(&key[6..]), number(count))).collect();
        for (client, count) in &acknowledged {
            assert!(counts[client] >= *count, "client {client}: {count} was acknowledged, found {}", counts[client]);
        }
        assert_eq!(u64::from_le_bytes(total.as_ref().try_into().unwrap()), counts.values().sum::<u64>());
        let mut replayed = BTreeMap::new();
        for (key, count) in log {
            let before = replayed.insert(number(&key[14..]), number(&count)).unwrap_or(0);
            assert_eq!(number(&count), before + 1, "versionstamps are in the order of commits, also across restarts");
        }
        assert_eq!(replayed, counts);
    }
}
