//! The table, the trace and the digest.

use std::collections::BTreeSet;

use super::history_builder::{HistoryBuilder, SendOptions};
use crate::{
    checker::{PREDICATES, check, trace},
    history::{EventKind, Fault},
};

#[test]
fn invariants_have_names_of_their_own() {
    let names: BTreeSet<_> = PREDICATES.iter().map(|predicate| predicate.name).collect();
    assert_eq!(names.len(), PREDICATES.len());
    assert!(PREDICATES.iter().all(|predicate| !predicate.promise.is_empty()));
}

#[test]
fn an_empty_history_has_no_violation() {
    assert!(HistoryBuilder::default().violated().is_empty());
}

#[test]
fn a_trace_shows_the_violation_and_the_faults_in_that_time() {
    let mut builder = HistoryBuilder::default();
    builder.wrote(10, 0);
    builder.poll(4, 0, &[(0, 10)]);
    builder.record(0, EventKind::Fault(Fault::Crash("agent 1".to_owned())));
    builder.poll(4, 0, &[(0, 10)]);
    let violations = check(&builder.history);
    assert_eq!(violations.len(), 1, "{violations:?}");
    let text = trace(&builder.history, &violations[0]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].starts_with("nonmonotonic-poll: "), "{text}");
    assert!(lines[1].starts_with('>') && lines[1].contains("polled 00000000/0 from 0 to 1 [0:v10]"), "{text}");
    assert!(lines[2].contains("* crash of agent 1"), "{text}");
}

#[test]
fn a_bug_that_affects_everything_gives_few_violations_and_short_traces() {
    let mut builder = HistoryBuilder::default();
    for value in 0..200 {
        builder.send_as(SendOptions { producer: None, ..SendOptions::default() }, value, &[value]);
        builder.ack(value, 0);
        builder.record(0, EventKind::Fault(Fault::Healed));
    }
    let violations = check(&builder.history);
    assert!(violations.len() < 50, "{}", violations.len());
    assert!(violations.iter().all(|violation| trace(&builder.history, violation).lines().count() < 50));
}

#[test]
fn different_histories_have_different_digests() {
    let mut one = HistoryBuilder::default();
    one.wrote(10, 0);
    let mut other = one.clone();
    assert_eq!(one.history.digest(), other.history.digest());
    other.wrote(11, 1);
    assert_ne!(one.history.digest(), other.history.digest());
}
