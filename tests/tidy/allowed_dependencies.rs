//! Allowed dependencies: each outside system is used in one place only.

use crate::tree::{files, report};

/// (what names the system in source, where it may be named, what to do elsewhere)
const ALLOWED: &[(&str, &[&str], &str)] = &[
    ("redb::", &["metastore/src/kv/"], "go through metastore/src/kv"),
    ("foundationdb::", &["metastore/src/kv/"], "go through metastore/src/kv"),
    ("foundationdb_sys::", &["metastore/src/kv/"], "go through metastore/src/kv"),
    (
        "unsafe ",
        &["metastore/foundationdb-sys/"],
        "do without; what is foreign is called from metastore/foundationdb-sys",
    ),
    ("object_store::", &["crates/objects/", "crates/s3/"], "go through alluvium_objects"),
    ("aws_config::", &["crates/s3/"], "go through alluvium_s3"),
    ("parquet::", &["crates/history/"], "go through alluvium_history"),
    ("arrow_array::", &["crates/history/"], "go through alluvium_history"),
    ("axum::", &["gateway/src/http/"], "serve HTTP from gateway/src/http"),
    ("hyper_util::", &["gateway/src/peers/"], "ask other agents through gateway/src/peers"),
    (
        "alluvium_wire::messages",
        &["crates/wire/", "gateway/src/kafka/", "crates/client/", "tests/"],
        "use domain types below gateway/src/kafka",
    ),
];

#[test]
fn outside_systems_are_used_in_one_place_each() {
    let mut complaints = Vec::new();
    for file in files(".rs").iter().filter(|file| !file.path.starts_with("tests/tidy/")) {
        for (system, allowed, instead) in ALLOWED {
            if allowed.iter().any(|home| file.path.starts_with(home)) || file.is_test() {
                continue;
            }
            for (number, line) in file.code().filter(|(_, line)| names(line, system)) {
                complaints.push(format!("{}:{number}: `{}` is not allowed here; {instead}", file.path, line.trim()));
            }
        }
    }
    report(complaints);
}

fn names(line: &str, system: &str) -> bool {
    let line = line.trim_start();
    !line.starts_with("//")
        && line.match_indices(system).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}
