//! Names of groups and members.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

macro_rules! text {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text itself.
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
    /// The name of a group: any text up to [`GroupId::BYTES_MAX`]. The empty one only ever holds offsets.
    GroupId
}
text! {
    /// What the coordinator calls a member; never empty.
    MemberId
}
text! {
    /// What a static member calls itself across restarts (`group.instance.id`, KIP-345).
    InstanceId
}

impl GroupId {
    /// Bytes of the longest name: it is part of every key of the group, and keys are bounded.
    pub const BYTES_MAX: usize = 4_096;

    /// The group called `text`; `None` where that is too long.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (text.len() <= Self::BYTES_MAX).then(|| Self(text.into()))
    }
}

impl MemberId {
    /// The member called `text`; `None` for the empty text, by which a client says that it has no id yet.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// A new id: who asks, and something random.
    #[must_use]
    pub fn generate(client_id: &str, instance: Option<&InstanceId>, random: Uuid) -> Self {
        Self(format!("{}-{random}", instance.map_or(client_id, InstanceId::as_str)).into())
    }
}

impl InstanceId {
    /// The instance called `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }
}

/// How many rebalances a group has completed; grows by one with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub i32);

impl Generation {
    /// The generation after this one; stays at the last that the protocol can name.
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

/// One request that may be parked; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaiterId(pub u64);
