//! Measures how many transactions the embedded engine commits, by number of clients and rows:
//! `cargo run --release -p alluvium-metastore --example kv_load [directory]`.

#![expect(clippy::print_stdout, reason = "it prints a report")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails is to stop")]
#![expect(clippy::disallowed_methods, reason = "measures real time")]

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use alluvium_metastore::kv::{Db, Error, RedbEngine};
use alluvium_runtime::SystemRng;

/// Time of one measurement.
const DURATION: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let directory =
        std::env::args_os().nth(1).map_or_else(|| std::env::temp_dir().join("alluvium-kv-load"), PathBuf::from);
    println!("| clients | reads+writes each | commits/s | fsyncs/s | p50 | p99 | attempts each |");
    for (clients, rows) in [(1, 1), (32, 1), (128, 1), (1, 10), (1, 100), (1, 1_000), (8, 100)] {
        measure(&directory, clients, rows).await;
    }
}

/// `clients` clients, each reading and writing `rows` rows of its own and adding as many new ones, one transaction
/// after the other: a segment commit's shape.
async fn measure(directory: &std::path::Path, clients: u32, rows: u32) {
    std::fs::remove_dir_all(directory).ok();
    let db = Db::new(Arc::new(RedbEngine::open(directory).unwrap()), Arc::new(SystemRng));
    let started = Instant::now();
    let tasks: Vec<_> =
        (0..clients).map(|client| tokio::spawn(run(db.clone(), client, rows, started + DURATION))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let seconds = started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let metrics = db.metrics();
    let commits = latencies.len();
    let batches = metrics.batches.load(Ordering::Relaxed);
    let attempts = 1.0 + metrics.retries.load(Ordering::Relaxed) as f64 / commits as f64;
    println!(
        "| {clients} | {rows} | {:.0} | {:.0} | {:.2?} | {:.2?} | {attempts:.2} |",
        commits as f64 / seconds,
        batches as f64 / seconds,
        latencies[commits / 2],
        latencies[commits * 99 / 100],
    );
}

async fn run(db: Db, client: u32, rows: u32, until: Instant) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let value = &[7; 56][..];
    let heads: &Vec<Vec<u8>> = &(0..rows).map(|row| format!("head/{client:04}/{row:04}").into_bytes()).collect();
    for round in 0u64.. {
        let started = Instant::now();
        if started >= until {
            break;
        }
        let commit = db.run("load", |tx| async move {
            let found = tx.get_all(heads).await?;
            for (head, before) in heads.iter().zip(found) {
                let next = before.map_or(0, |bytes| u64::from_be_bytes(bytes[..8].try_into().unwrap())) + 1;
                tx.set(head, &[&next.to_be_bytes()[..], value].concat());
                tx.set(&[&b"extent/"[..], head, &round.to_be_bytes()].concat(), value);
            }
            tx.set_versionstamped_key(b"feed/", b"", value);
            Ok::<(), Error>(())
        });
        commit.await.unwrap();
        latencies.push(started.elapsed());
    }
    latencies
}
