//! A range query: which rows, how many, and in which direction.

use super::{Error, limits::SYSTEM_PREFIX};

/// Rows with `begin <= key < end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// First key of the range, inclusive.
    pub begin: Vec<u8>,
    /// End of the range, exclusive.
    pub end: Vec<u8>,
    /// Number of rows to return at most; `usize::MAX` for all of them, which is an error if they exceed one answer's
    /// limit.
    pub limit: usize,
    /// Whether rows are returned in descending order, from the end of the range.
    pub reverse: bool,
    /// Whether the read adds no read conflicts.
    pub snapshot: bool,
}

impl Range {
    /// All rows from `begin` (inclusive) to `end` (exclusive), ascending.
    #[must_use]
    pub fn new(begin: impl Into<Vec<u8>>, end: impl Into<Vec<u8>>) -> Self {
        Self { begin: begin.into(), end: end.into(), limit: usize::MAX, reverse: false, snapshot: false }
    }

    /// All rows whose keys start with `prefix`, ascending.
    #[must_use]
    pub fn prefix(prefix: impl Into<Vec<u8>>) -> Self {
        let begin = prefix.into();
        let end = prefix_end(&begin);
        Self::new(begin, end)
    }

    /// The same query for at most `rows` rows.
    #[must_use]
    pub fn limit(self, rows: usize) -> Self {
        Self { limit: rows, ..self }
    }

    /// The same query in descending order, from the end of the range.
    #[must_use]
    pub fn reverse(self) -> Self {
        Self { reverse: true, ..self }
    }

    /// The same query without read conflicts.
    #[must_use]
    pub fn snapshot(self) -> Self {
        Self { snapshot: true, ..self }
    }

    /// An error if no engine could answer the query: its range is inverted or reaches into the engine's own keys.
    pub fn check(&self) -> Result<(), Error> {
        if self.begin > self.end {
            return Err(Error::InvertedRange);
        }
        if self.end.as_slice() > &[SYSTEM_PREFIX][..] {
            return Err(Error::KeyOutsideLegalRange);
        }
        Ok(())
    }
}

/// The first key after all keys that start with `prefix`: the prefix with its last byte below `0xff` incremented and
/// the rest cut. If there is no such byte (an empty prefix, or all `0xff`), the end of the legal keys.
#[must_use]
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    match prefix.iter().rposition(|byte| *byte != SYSTEM_PREFIX) {
        Some(last) => {
            let mut end = prefix[..=last].to_vec();
            end[last] += 1;
            end
        }
        None => vec![SYSTEM_PREFIX],
    }
}

/// The smallest key after `key`.
#[must_use]
pub fn key_after(key: &[u8]) -> Vec<u8> {
    let mut after = Vec::with_capacity(key.len() + 1);
    after.extend_from_slice(key);
    after.push(0);
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_covers_exactly_the_keys_that_start_with_it() {
        assert_eq!(prefix_end(b"ab"), b"ac");
        assert_eq!(prefix_end(b"a\xff"), b"b");
        assert_eq!(prefix_end(b""), b"\xff");
        assert_eq!(Range::prefix(*b"a").end, b"b");
    }

    #[test]
    fn inverted_ranges_and_ranges_into_the_system_keys_are_errors() {
        assert_eq!(Range::new(*b"b", *b"a").check(), Err(Error::InvertedRange));
        assert_eq!(Range::new(*b"a", *b"\xff\x00").check(), Err(Error::KeyOutsideLegalRange));
        assert_eq!(Range::new(*b"", *b"\xff").check(), Ok(()));
    }
}
