//! Identifiers of actors, sends, values and transactions; and the outcome of an operation.

use std::fmt;
use std::sync::Arc;

macro_rules! name {
    ($(#[$meta:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

name! {
    /// Who does something: one life of one client (a client that crashes and comes back is another actor).
    Actor(u32), "c"
}
name! {
    /// One logical send of a batch, through all its retries; unique in the history.
    SendId(u64), "s"
}
name! {
    /// The value of a record; unique in the history, so that a record shows which send wrote it.
    ValueId(u64), "v"
}
name! {
    /// One connection of one actor; unique in the history.
    ConnectionNumber(u64), "k"
}
name! {
    /// One transaction (not a transactional id, which has many); unique in the history.
    TxnId(u64), "t"
}

impl ValueId {
    /// What a reader records for a value that no client can have made.
    pub const GARBLED: Self = Self(u64::MAX);
}

/// Where an agent listens. (Its id may have become another agent's when its lease expired.)
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgentAddress(Arc<str>);

impl From<&str> for AgentAddress {
    fn from(address: &str) -> Self {
        Self(address.into())
    }
}

impl fmt::Display for AgentAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A member id, as the coordinator gave it.
pub type MemberName = String;

/// The outcome of an operation as its client knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect.
    Done,
    /// It took no effect and never will.
    Refused,
    /// It may have taken effect, or may still do so: no answer, or one that leaves it open.
    Unknown,
}
