//! Random histories of a correct log pass; each way of breaking them is caught, by name.

mod admin;
mod catalogue;
mod groups;
mod pick;
mod reads;
mod sends;
mod transactions;

use std::collections::BTreeSet;

use super::{history_builder::violated, model::random_history};
use crate::{
    checker::{PREDICATES, check, trace},
    history::History,
};
use catalogue::{MUTATIONS, Mutation};
use pick::Pick;

const SEEDS: u64 = 25;
const STEPS: usize = 400;
/// Each mutation must be possible in at least this many of the histories.
const TRIED_MIN: usize = 5;

#[test]
fn histories_of_a_correct_log_pass() {
    for seed in 0..SEEDS {
        let history = random_history(seed, STEPS);
        let violations = check(&history);
        assert!(violations.is_empty(), "seed {seed}: {}", trace(&history, &violations[0]));
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    assert_eq!(random_history(7, STEPS).digest(), random_history(7, STEPS).digest());
    assert_ne!(random_history(7, STEPS).digest(), random_history(8, STEPS).digest());
}

#[test]
fn every_mutation_is_caught_by_the_right_predicate() {
    let histories: Vec<History> = (0..SEEDS).map(|seed| random_history(seed, STEPS)).collect();
    let mut missed = Vec::new();
    for Mutation { name, caught_by, mutate } in MUTATIONS {
        let mut tried = 0;
        for (seed, history) in (0u64..).zip(&histories) {
            let mut history = history.clone();
            if mutate(&mut history, &mut Pick::new(seed)).is_none() {
                continue;
            }
            tried += 1;
            let names = violated(&history);
            if !names.contains(caught_by) {
                missed.push(format!("{name}, seed {seed}: {names:?} instead of {caught_by}"));
            }
        }
        if tried < TRIED_MIN {
            missed.push(format!("{name} was possible only {tried} times"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn every_predicate_has_a_mutation_that_it_catches() {
    let caught: BTreeSet<&str> = MUTATIONS.iter().map(|mutation| mutation.caught_by).collect();
    let all: BTreeSet<&str> = PREDICATES.iter().map(|predicate| predicate.name).collect();
    assert_eq!(caught, all);
}
