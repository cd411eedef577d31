//! The tests of all concepts once more, with their stores in a real FoundationDB instead of in memory.

use std::process::Command;

use alluvium_fdb_server::FdbServer;

use crate::fixtures::FDB_VARIABLE;

/// Concepts whose tests get their stores from the fixtures.
const CONCEPTS: &[&str] = &[
    "topics::",
    "log::",
    "producers::",
    "groups::",
    "offsets::",
    "transactions::",
    "objects::",
    "feed::",
    "leases::",
    "nodes::",
    "maintenance::",
];
/// Tests with virtual time, which would pass while FoundationDB is still at work.
const VIRTUAL: &[&str] = &["nodes::tests::sessions::", "a_reader_waiting_at_the_end"];

#[test]
#[ignore = "needs FoundationDB: FDB_HOME"]
fn all_concepts_behave_the_same_on_fdb() {
    let skipped = VIRTUAL.iter().flat_map(|name| ["--skip", name]);
    let output = Command::new(std::env::current_exe().expect("this is a program"))
        .args(CONCEPTS)
        .args(skipped)
        .env(FDB_VARIABLE, FdbServer::shared().cluster_file())
        .output()
        .expect("it runs once more");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains(" 0 failed"), "{printed}");
    let passed = printed.split_once(" passed").and_then(|(before, _)| before.rsplit(' ').next()?.parse().ok());
    assert!(passed.is_some_and(|passed: u32| passed > 50), "hardly any test ran: {printed}");
}
