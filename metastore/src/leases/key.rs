//! Keys of leases.
//!
//! ```text
//! | tag: 1 | 1: 1 | length: 2 | group |      | tag: 1 | 2: 1 | topic: 16 | partition: 4 |      | tag: 1 | 3: 1 | role: 1 |
//! ```
//!
//! Roles: 1 orphans, 2 retired, 3 retention, 4 topics, 5 feed, 6 producers, 7 offsets.

use alluvium_model::lease::{LeaseKey, Role};

use crate::{
    groups::length_prefixed,
    keyspace::{Key, Tag},
    kv::Range,
};

const GROUP: u8 = 1;
const PARTITION: u8 = 2;
const ROLE: u8 = 3;

pub(super) fn lease_key(lease: &LeaseKey) -> Vec<u8> {
    let key = Key::new(Tag::LEASE);
    match lease {
        LeaseKey::Group(group) => length_prefixed(key.raw(&[GROUP]), group),
        LeaseKey::Partition(partition) => key.raw(&[PARTITION]).partition(*partition),
        LeaseKey::Role(role) => key.raw(&[ROLE, role_number(*role)]),
    }
    .bytes()
}

pub(super) fn leases() -> Range {
    Range::prefix(Key::new(Tag::LEASE).bytes())
}

fn role_number(role: Role) -> u8 {
    match role {
        Role::Orphans => 1,
        Role::Retired => 2,
        Role::Retention => 3,
        Role::Topics => 4,
        Role::Feed => 5,
        Role::Producers => 6,
        Role::Offsets => 7,
    }
}
