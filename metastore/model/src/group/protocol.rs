//! The choice of a group's protocol: one that all members support, by their votes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Group, MEMBER_PROTOCOLS_MAX, Protocol, State};

impl Group {
    /// Whether a client that supports `protocols` of `protocol_type` can be a member.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if protocols.len() > MEMBER_PROTOCOLS_MAX {
            return false;
        }
        if self.state == State::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|protocol| self.is_known_to_all(&protocol.name))
    }

    /// Of the protocols that all members support, the one that most prefer; of several, the first by name, so that the
    /// choice depends on nothing else. `None` if there is none.
    pub(super) fn elect_protocol(&self) -> Option<Arc<str>> {
        let mut votes: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        let any = self.members.values().next()?;
        let candidates: Vec<&Arc<str>> =
            any.protocols.iter().map(|p| &p.name).filter(|name| self.is_known_to_all(name)).collect();
        for member in self.members.values() {
            if let Some(best) = member.protocols.iter().map(|p| &p.name).find(|name| candidates.contains(name)) {
                *votes.entry(best).or_default() += 1;
            }
        }
        let most = votes.values().copied().max()?;
        votes.into_iter().find(|(_, count)| *count == most).map(|(name, _)| Arc::clone(name))
    }

    fn is_known_to_all(&self, name: &str) -> bool {
        self.members.values().all(|member| member.protocols.iter().any(|protocol| &*protocol.name == name))
    }
}
