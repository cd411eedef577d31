//! The log's invariants over random histories of commits, repetitions, swaps, trims and deletions, checked against a
//! simple model that keeps every record: on the engine in memory without faults; with conflicts, unknown results and
//! reads that are too old; on redb; and on FoundationDB if it is installed.

mod history;
mod invariants;
mod model;
mod producers;
mod run;

use std::{sync::Arc, time::Duration};

use alluvium_fdb_server::{FdbServer, unique_prefix};
use alluvium_metastore::{
    Metastore, fixtures,
    kv::{Db, Engine, FdbEngine, FdbOptions, KvFaults, RedbEngine},
};
use alluvium_runtime::SeededRng;
use proptest::prelude::*;

/// Runs `future` in virtual time.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(future)
}

/// KvFaults at rates that affect most transactions.
fn faults(seed: u64) -> KvFaults {
    KvFaults {
        seed,
        conflict_per_mille: 200,
        unknown_per_mille: 200,
        too_old_per_mille: 10,
        latency_max: Duration::from_millis(5),
        ..KvFaults::none()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_after_every_step(steps in history::steps(40)) {
        block_on(async { run::run(fixtures::memory().await, &steps).await });
    }

    #[test]
    fn conflicts_and_unknown_results_change_nothing(steps in history::steps(40), seed: u64) {
        block_on(async { run::run(fixtures::open(faults(seed)).await, &steps).await });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_on_redb(steps in history::steps(25)) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let directory = tempfile::tempdir().expect("a directory");
            let engine = RedbEngine::open(directory.path()).expect("a fresh store opens");
            run::run(open(Arc::new(engine)).await, &steps).await;
        });
    }

    #[test]
    #[ignore = "needs FoundationDB: FDB_HOME"]
    fn invariants_hold_on_fdb(steps in history::steps(25)) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let options = FdbOptions {
                cluster_file: Some(FdbServer::shared().cluster_file()),
                prefix: unique_prefix().into_bytes(),
                library: None,
            };
            let engine = FdbEngine::open(options).await.expect("a fresh server answers");
            run::run(open(Arc::new(engine)).await, &steps).await;
        });
    }
}

async fn open(engine: Arc<dyn Engine>) -> Metastore {
    let rng = Arc::new(SeededRng::new(1));
    Metastore::open(Db::new(engine, rng.clone()), &*rng).await.expect("a fresh store opens")
}
