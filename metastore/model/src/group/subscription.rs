//! The one thing that the coordinator reads of what consumers say about themselves: their topics.
//!
//! ```text
//! | version: 2 | topics: 4, then per topic: length 2, name | what newer versions add: ignored |
//! ```
//!
//! Version 0 is a prefix of every later one.

use std::collections::BTreeSet;

/// The topics that a consumer's protocol metadata names; `None` where the bytes are not such metadata.
#[must_use]
pub fn subscribed_topics(metadata: &[u8]) -> Option<BTreeSet<String>> {
    let (version, rest) = metadata.split_first_chunk::<2>()?;
    if i16::from_be_bytes(*version) < 0 {
        return None;
    }
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_be_bytes(*count)).ok()?;
    let mut topics = BTreeSet::new();
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = usize::try_from(i16::from_be_bytes(*length)).ok()?;
        let (name, after) = after.split_at_checked(length)?;
        topics.insert(std::str::from_utf8(name).ok()?.to_owned());
        rest = after;
    }
    Some(topics)
}
