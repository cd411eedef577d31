//! Things that a request must name once only: each is answered once, and refused where it was named more often.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::errors::Refused;

/// How often a request names each thing.
pub struct DuplicateCheck<K>(HashMap<K, Occurrence>);

#[derive(Clone, Copy)]
enum Occurrence {
    Once,
    Repeatedly,
    Answered,
}

/// Whether no thing is named twice.
pub fn are_distinct<K: Eq + Hash>(things: &[K]) -> bool {
    let mut seen = HashSet::with_capacity(things.len());
    things.iter().all(|thing| seen.insert(thing))
}

impl<K: Eq + Hash> FromIterator<K> for DuplicateCheck<K> {
    fn from_iter<I: IntoIterator<Item = K>>(things: I) -> Self {
        let mut duplicates = HashMap::new();
        for thing in things {
            duplicates
                .entry(thing)
                .and_modify(|occurrence| *occurrence = Occurrence::Repeatedly)
                .or_insert(Occurrence::Once);
        }
        Self(duplicates)
    }
}

impl<K: Eq + Hash> DuplicateCheck<K> {
    /// What to do about the next thing of the request: nothing where it was answered before (`None`), refuse it with
    /// `message` where it comes again later, or go on.
    pub fn next(&mut self, thing: &K, message: &str) -> Option<Result<(), Refused>> {
        let occurrence = self.0.get_mut(thing)?;
        match std::mem::replace(occurrence, Occurrence::Answered) {
            Occurrence::Once => Some(Ok(())),
            Occurrence::Repeatedly => Some(Err(Refused::invalid_request(message))),
            Occurrence::Answered => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_answered_once_and_refused_where_it_is_repeated() {
        let mut duplicates: DuplicateCheck<&str> = ["a", "b", "a"].into_iter().collect();
        assert!(duplicates.next(&"a", "twice").unwrap().is_err());
        assert!(duplicates.next(&"b", "twice").unwrap().is_ok());
        assert!(duplicates.next(&"a", "twice").is_none());
    }
}
