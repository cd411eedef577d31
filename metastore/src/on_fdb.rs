//! The tests of all concepts once more, with their stores in a real FoundationDB instead of in memory.

use std::process::Command;

use alluvium_fdb_server::FdbServer;

use crate::fixtures::FDB_VARIABLE;

/// Those whose stores are fixtures.
const CONCEPTS: &[&str] =
    &["topics::", "log::", "producers::", "groups::", "offsets::", "objects::", "feed::", "leases::", "nodes::"];
/// Those in which time is virtual, and passes while FoundationDB still thinks.
const VIRTUAL: &[&str] = &["nodes::tests::sessions::", "who_waits_at_the_tip"];

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
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(" 0 failed"), "{said}");
    let passed = said.split_once(" passed").and_then(|(before, _)| before.rsplit(' ').next()?.parse().ok());
    assert!(passed.is_some_and(|passed: u32| passed > 50), "hardly any test is there: {said}");
}
