//! What administrators see of a group.

use bytes::Bytes;

use super::{Group, InstanceId, MemberId, State};

/// A group, described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Kafka's name of its state.
    pub state: &'static str,
    /// What kind of group it is; empty where it only holds offsets.
    pub protocol_type: String,
    /// The protocol chosen, while it is stable; otherwise empty.
    pub protocol: String,
    /// Everyone in it.
    pub members: Vec<DescribedMember>,
}

/// A member, described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedMember {
    /// Its id.
    pub member: MemberId,
    /// Its instance id, where it is static.
    pub instance: Option<InstanceId>,
    /// `client.id` of its connection.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// What it says about itself, while the group is stable; opaque.
    pub metadata: Bytes,
    /// What it was given, while the group is stable; opaque.
    pub assignment: Bytes,
}

impl Group {
    /// The group as administrators see it.
    #[must_use]
    pub fn describe(&self) -> Description {
        let agreed = self.protocol.as_deref().filter(|_| self.state == State::Stable);
        let members = self.members.iter().map(|(id, member)| DescribedMember {
            member: id.clone(),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: agreed.map(|protocol| member.metadata(protocol)).unwrap_or_default(),
            assignment: agreed.map(|_| member.assignment.clone()).unwrap_or_default(),
        });
        Description {
            state: self.state.name(),
            protocol_type: self.protocol_type().unwrap_or_default().to_owned(),
            protocol: agreed.unwrap_or_default().to_owned(),
            members: members.collect(),
        }
    }
}
