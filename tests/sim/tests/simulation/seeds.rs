//! Seeds that every change has to pass: the first few, and each one that once found a bug.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use alluvium_sim::checker::trace;
use alluvium_sim::history::{EventKind, History};
use alluvium_sim::run::{RunOptions, run};

/// Whether this is compiled without optimisation: then a seed takes half a minute of a processor, not a second.
const IS_SLOW: bool = cfg!(debug_assertions);
/// Number of first seeds. Without optimisation as many as fit into a minute; `.ci/run` runs the first 200 with it,
/// and this test too.
const FIRST: u64 = if IS_SLOW { 3 } else { 6 };

/// Seeds that found a bug when there were no transactional clients, and which. They are run without them.
const FOUND_BEFORE_TRANSACTIONS: &[u64] = &[
    // A fetch whose extents were looked up page by page, with a swap in between, was answered with some records twice.
    2_097,
    // An agent that was behind the feed answered with records of new history beyond the end offset that it reported.
    2_177,
    // A fetch of many small segments, each of which took a round trip, was not answered before its client gave up.
    3_094,
    // A commit of offsets was made by an attempt with an unknown result, and refused because the group had moved on.
    21,
];

/// Seeds that once found a bug, and which.
const FOUND: &[u64] = &[
    // A commit of a transaction was made by an attempt with an unknown result, and refused because another instance of
    // the producer had taken over meanwhile.
    207,
    // The checker took two processes for one, because the second had got the id of the first, which was paused.
    102,
    // A job of the compactor waited for a lock that was granted to it while nobody polled it, because its results were
    // waited for under the same lock.
    299,
];

#[test]
fn the_invariants_hold_for_the_first_seeds_and_for_those_that_once_broke_them() {
    let found = FOUND.iter().map(|seed| (*seed, false));
    let found = found.chain(FOUND_BEFORE_TRANSACTIONS.iter().map(|seed| (*seed, true)));
    let seeds: Vec<_> = (0..FIRST).map(|seed| (seed, false)).chain(found.filter(|_| !IS_SLOW)).collect();
    let (next, shared) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        let mut reported = Vec::new();
        while let Some(&(seed, without_transactions)) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let report = run(RunOptions { seed, without_transactions, ..RunOptions::default() });
            shared.fetch_add(extents_in_shared_files(&report.history), Ordering::Relaxed);
            let violations = report.violations.iter();
            reported.extend(violations.map(|found| format!("seed {seed} violates {}", trace(&report.history, found))));
        }
        reported
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let reported: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a run ends")).collect()
    });
    assert!(reported.is_empty(), "{}", reported.join("\n"));
    assert!(IS_SLOW || shared.into_inner() > 0, "small partitions shared history files in none of the runs");
}

fn extents_in_shared_files(history: &History) -> usize {
    let objects = history.events.iter().filter_map(|event| match &event.what {
        EventKind::FinalObjects(objects) => Some(objects),
        _ => None,
    });
    objects.flat_map(|objects| &objects.live).filter(|extent| extent.is_shared).count()
}
