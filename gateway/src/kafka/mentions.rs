//! Things that a request must name once only: each is answered once, and refused where it was named more often.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::errors::Refused;

/// How often a request names each thing.
pub struct Mentions<K>(HashMap<K, Mentioned>);

#[derive(Clone, Copy)]
enum Mentioned {
    Once,
    Repeatedly,
    Answered,
}

/// Whether no thing is named twice.
pub fn are_distinct<K: Eq + Hash>(things: &[K]) -> bool {
    let mut seen = HashSet::with_capacity(things.len());
    things.iter().all(|thing| seen.insert(thing))
}

impl<K: Eq + Hash> FromIterator<K> for Mentions<K> {
    fn from_iter<I: IntoIterator<Item = K>>(things: I) -> Self {
        let mut mentions = HashMap::new();
        for thing in things {
            mentions.entry(thing).and_modify(|mentioned| *mentioned = Mentioned::Repeatedly).or_insert(Mentioned::Once);
        }
        Self(mentions)
    }
}

impl<K: Eq + Hash> Mentions<K> {
    /// What to do about the next thing of the request: nothing where it was answered before (`None`), refuse it with
    /// `message` where it comes again later, or go on.
    pub fn next(&mut self, thing: &K, message: &str) -> Option<Result<(), Refused>> {
        let mentioned = self.0.get_mut(thing)?;
        match std::mem::replace(mentioned, Mentioned::Answered) {
            Mentioned::Once => Some(Ok(())),
            Mentioned::Repeatedly => Some(Err(Refused::invalid_request(message))),
            Mentioned::Answered => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_answered_once_and_refused_where_it_is_repeated() {
        let mut mentions: Mentions<&str> = ["a", "b", "a"].into_iter().collect();
        assert!(mentions.next(&"a", "twice").unwrap().is_err());
        assert!(mentions.next(&"b", "twice").unwrap().is_ok());
        assert!(mentions.next(&"a", "twice").is_none());
    }
}
