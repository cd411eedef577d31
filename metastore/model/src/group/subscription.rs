//! Subscriptions: the part of consumers' metadata that the coordinator reads.
//!
//! ```text
//! | version: 2 | topics: 4, then per topic: length 2, name | what newer versions add: ignored |
//! ```
//!
//! Version 0 is a prefix of every later one.

use std::collections::BTreeSet;

use bytes::Bytes;

/// The protocol type of consumers, whose metadata the coordinator can read.
pub(super) const CONSUMER: &str = "consumer";

/// The topics that a group works on: their offsets neither expire nor may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subscriptions {
    /// Exactly these, by name.
    Topics(BTreeSet<String>),
    /// They cannot be known: every topic counts as subscribed.
    Unknown,
}

impl Subscriptions {
    /// Whether the group works on `topic`, or may do so.
    #[must_use]
    pub fn contains(&self, topic: &str) -> bool {
        match self {
            Self::Topics(topics) => topics.contains(topic),
            Self::Unknown => true,
        }
    }

    /// The subscriptions of members with these metadata.
    pub(super) fn of(members: impl IntoIterator<Item = Bytes>) -> Self {
        let mut all = BTreeSet::new();
        for metadata in members {
            match subscribed_topics(&metadata) {
                Some(topics) => all.extend(topics),
                None => return Self::Unknown,
            }
        }
        Self::Topics(all)
    }
}

/// The topics in a consumer's protocol metadata; `None` if the bytes are not such metadata.
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
