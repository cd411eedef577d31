//! Requests may name each of their items once only: an item that is named more often gets one answer, an error.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::errors::ApiError;

/// How often a request names each item, by the key that identifies the item.
pub struct DuplicateCheck<K>(HashMap<K, Occurrence>);

#[derive(Clone, Copy)]
enum Occurrence {
    /// Named once, not answered yet.
    Once,
    /// Named more than once, not answered yet.
    Repeated,
    /// Answered already.
    Answered,
}

/// Whether no key comes twice.
pub fn are_distinct<K: Eq + Hash>(keys: &[K]) -> bool {
    let mut seen = HashSet::with_capacity(keys.len());
    keys.iter().all(|key| seen.insert(key))
}

impl<K: Eq + Hash> FromIterator<K> for DuplicateCheck<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut occurrences = HashMap::new();
        for key in keys {
            occurrences
                .entry(key)
                .and_modify(|occurrence| *occurrence = Occurrence::Repeated)
                .or_insert(Occurrence::Once);
        }
        Self(occurrences)
    }
}

impl<K: Eq + Hash> DuplicateCheck<K> {
    /// Checks the next item of the request: `Ok` if it is named once, the error `message` if it is named again later,
    /// and `None` if it was answered before.
    pub fn next(&mut self, key: &K, message: &str) -> Option<Result<(), ApiError>> {
        let occurrence = self.0.get_mut(key)?;
        match std::mem::replace(occurrence, Occurrence::Answered) {
            Occurrence::Once => Some(Ok(())),
            Occurrence::Repeated => Some(Err(ApiError::invalid_request(message))),
            Occurrence::Answered => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_item_is_answered_once_with_an_error() {
        let mut duplicates: DuplicateCheck<&str> = ["a", "b", "a"].into_iter().collect();
        assert!(duplicates.next(&"a", "twice").unwrap().is_err());
        assert!(duplicates.next(&"b", "twice").unwrap().is_ok());
        assert!(duplicates.next(&"a", "twice").is_none());
    }
}
