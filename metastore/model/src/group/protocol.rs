//! Which protocol a group follows: one that all members can, chosen by votes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Group, MEMBER_PROTOCOLS_MAX, Protocol, State};

impl Group {
    /// Whether someone who follows `protocols` of `protocol_type` can be in the group.
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

    /// The protocol that all members can follow and most put first; among equals the first by name, so that the choice
    /// is the same whoever computes it. `None` where there is none.
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
