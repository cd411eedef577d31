//! The description of a group for administrators (DescribeGroups).

use bytes::Bytes;

use super::{Group, InstanceId, MemberId, State};

/// The description of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Kafka's name for its state.
    pub state: &'static str,
    /// The kind of group (`consumer`, `connect` ...); empty if it only holds offsets.
    pub protocol_type: String,
    /// The chosen protocol while the group is stable; otherwise empty.
    pub protocol: String,
    /// All its members.
    pub members: Vec<DescribedMember>,
}

/// The description of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedMember {
    /// Its member id.
    pub member: MemberId,
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// `client.id` of its connection.
    pub client_id: String,
    /// The address that it connects from.
    pub client_host: String,
    /// Its protocol metadata while the group is stable; opaque.
    pub metadata: Bytes,
    /// Its assignment while the group is stable; opaque.
    pub assignment: Bytes,
}

impl Group {
    /// The description of the group as it is now.
    #[must_use]
    pub fn describe(&self) -> Description {
        let chosen = self.protocol.as_deref().filter(|_| self.state == State::Stable);
        let members = self.members.iter().map(|(id, member)| DescribedMember {
            member: id.clone(),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: chosen.map(|protocol| member.metadata(protocol)).unwrap_or_default(),
            assignment: chosen.map(|_| member.assignment.clone()).unwrap_or_default(),
        });
        Description {
            state: self.state.name(),
            protocol_type: self.protocol_type().unwrap_or_default().to_owned(),
            protocol: chosen.unwrap_or_default().to_owned(),
            members: members.collect(),
        }
    }
}
