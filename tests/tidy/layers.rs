//! Imports go downward only: what each crate may depend on among ours, and what pure crates may not touch.

use crate::tree::{Source, files, report};

/// Each crate's manifest and the crates of ours that lie below it.
const BELOW: &[(&str, &[&str])] = &[
    ("metastore/model", &[]),
    ("crates/wire", &[]),
    ("crates/objects", &[]),
    ("crates/runtime", &["model"]),
    ("crates/s3", &["objects", "runtime"]),
    ("crates/segment", &["model"]),
    ("crates/history", &["model", "wire"]),
    ("crates/client", &["wire"]),
    ("metastore/foundationdb-sys", &[]),
    ("metastore", &["model", "runtime"]),
    ("compactor", &["history", "metastore", "model", "objects", "runtime", "segment", "wire"]),
    ("gateway", &["history", "metastore", "model", "objects", "runtime", "segment", "wire"]),
    ("tests/clients/rust", &[]),
    ("tests/fdb-server", &[]),
    ("tests/sim", &["client", "compactor", "gateway", "history", "metastore", "model", "objects", "runtime", "wire"]),
    (
        "",
        &[
            "client",
            "compactor",
            "gateway",
            "history",
            "metastore",
            "model",
            "objects",
            "runtime",
            "s3",
            "segment",
            "wire",
        ],
    ),
];

/// Crates without I/O, and what would bring it in.
const PURE: &[&str] = &["metastore/model", "crates/wire", "crates/segment"];
const IMPURE: &[&str] = &["tokio", "futures", "rand", "object_store", "redb", "tracing"];

#[test]
fn crates_depend_only_on_those_below() {
    let mut complaints = Vec::new();
    for file in files("Cargo.toml") {
        let folder = file.path.trim_end_matches("Cargo.toml").trim_end_matches('/');
        let Some((_, below)) = BELOW.iter().find(|(name, _)| *name == folder) else {
            complaints.push(format!("{}:1: a crate without a layer; add it to tests/tidy/layers.rs", file.path));
            continue;
        };
        for (number, name) in dependencies(&file) {
            match name.strip_prefix("alluvium-") {
                Some(ours) if !below.contains(&ours) => complaints.push(format!(
                    "{}:{number}: {name} does not lie below; move the code down or hand it in",
                    file.path
                )),
                None if PURE.contains(&folder) && IMPURE.contains(&name) => {
                    complaints.push(format!("{}:{number}: {name} in a pure crate; do the I/O above it", file.path));
                }
                _ => {}
            }
        }
    }
    report(complaints);
}

/// Line and name of each dependency in `[dependencies]` (those for tests are free).
fn dependencies(manifest: &Source) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (number, line) in manifest.text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if inside && let Some((name, _)) = line.split_once(['.', ' ', '=']) {
            found.push((number + 1, name));
        }
    }
    found
}
