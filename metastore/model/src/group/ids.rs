//! Ids of groups, members and generations.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

macro_rules! text {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text! {
    /// The id of a group: any text up to [`GroupId::BYTES_MAX`]. The group with the empty id can only hold offsets.
    GroupId
}
text! {
    /// The id that the coordinator gives a member; never empty.
    MemberId
}
text! {
    /// The id that a static member keeps across restarts (`group.instance.id`, KIP-345).
    InstanceId
}

impl GroupId {
    /// Bytes of the longest id: it is part of every key of the group, and keys are bounded.
    pub const BYTES_MAX: usize = 4_096;

    /// The group id `text`; `None` if it is too long.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (text.len() <= Self::BYTES_MAX).then(|| Self(text.into()))
    }
}

impl MemberId {
    /// The member id `text`; `None` for the empty text, which clients send that have no id yet.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// A new member id: the instance or client id, and a random part.
    #[must_use]
    pub fn generate(client_id: &str, instance: Option<&InstanceId>, random: Uuid) -> Self {
        Self(format!("{}-{random}", instance.map_or(client_id, InstanceId::as_str)).into())
    }
}

impl InstanceId {
    /// The instance id `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }
}

/// The number of rebalances that a group has completed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub i32);

impl Generation {
    /// The next generation; it stays at the last one that the protocol can express.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identifies one request that may have to wait for its answer; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaiterId(pub u64);
