//! Shape: short files that say what they own, plain names, nothing left for later.

use crate::tree::{files, report};

/// Code lines of one file (without its tests): beyond this, split it by concept.
const FILE_LINES_MAX: usize = 500;
/// Declarations rather than logic: one table that is clearer whole.
const TABLES: &[&str] = &["crates/wire/src/messages/", "crates/wire/src/error_code.rs", "crates/wire/src/api_key.rs"];
/// Names that are not ours to choose.
const FOREIGN: &[&str] = &["metastore/foundationdb-sys/src/options.rs"];
const VAGUE: &[&str] = &["util", "utils", "helper", "helpers", "common", "manager", "info", "data", "misc"];
const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX", "unimplemented!(", "todo!(", "dbg!(", "DEBUG", "/tmp/"];

#[test]
fn files_stay_short() {
    let long = files(".rs").into_iter().filter(|file| !file.is_test()).filter_map(|file| {
        let lines = file.code().filter(|(_, line)| is_code(line)).count();
        let exempt = TABLES.iter().any(|table| file.path.starts_with(table));
        (lines > FILE_LINES_MAX && !exempt)
            .then(|| format!("{}:1: {lines} lines of code; split it by concept", file.path))
    });
    report(long.collect());
}

#[test]
fn modules_say_what_they_own() {
    let silent = files(".rs").into_iter().filter(|file| {
        let first = file.text.lines().next().unwrap_or_default();
        !first.starts_with("//!") && !file.is_test()
    });
    report(silent.map(|file| format!("{}:1: no module comment; say in `//!` what it owns", file.path)).collect());
}

#[test]
fn names_are_not_vague() {
    let vague = files(".rs")
        .into_iter()
        .filter(|file| file.path.split('/').any(|part| VAGUE.contains(&part.trim_end_matches(".rs"))));
    report(vague.map(|file| format!("{}:1: a name that says nothing; name the concept", file.path)).collect());
}

#[test]
fn nothing_is_left_for_later() {
    let mut complaints = Vec::new();
    for file in files(".rs").iter().filter(|file| !file.path.starts_with("tests/tidy/")) {
        let marks = if FOREIGN.contains(&file.path.as_str()) { &[][..] } else { UNFINISHED };
        for (number, line) in file.text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(**mark)) {
                complaints.push(format!("{}:{}: `{mark}`; finish it, or open an issue", file.path, number + 1));
            }
            if line.trim_start().starts_with("#[allow(") || line.trim_start().starts_with("#![allow(") {
                complaints.push(format!("{}:{}: allow; use #[expect(lint, reason)]", file.path, number + 1));
            }
        }
    }
    report(complaints);
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}
