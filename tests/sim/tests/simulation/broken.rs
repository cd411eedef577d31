//! Systems that are broken on purpose: what they break is found, by name.

use std::collections::BTreeSet;
use std::time::Duration;

use alluvium_sim::run::{Breakage, Order, run};

/// Names of what is violated in a run without mischief but with `breakage`.
fn found(seed: u64, breakage: Breakage) -> BTreeSet<&'static str> {
    let order = Order { seed, duration: Some(Duration::from_secs(20)), breakage: Some(breakage), ..Order::default() };
    run(order).violations.into_iter().map(|violation| violation.invariant).collect()
}

/// The first of some seeds whose run is of a kind that shows the breakage.
fn caught(breakage: Breakage, name: &str) {
    let seen: BTreeSet<&str> = (0..6).flat_map(|seed| found(seed, breakage)).collect();
    assert!(seen.contains(name), "{breakage:?} is found as {seen:?}");
}

#[test]
fn without_breakage_nothing_is_found() {
    assert_eq!(found(0, Breakage::None), BTreeSet::new());
}

#[test]
fn a_store_that_loses_an_acknowledged_object_is_found() {
    caught(Breakage::LostPut(4), "dangling-extent");
}

#[test]
fn a_metastore_that_loses_an_acknowledged_commit_is_found() {
    caught(Breakage::LostCommits, "lost-write");
}
