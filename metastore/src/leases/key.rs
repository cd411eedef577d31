//! The keys of leases, by what each protects.
//!
//! ```text
//! group:     | LEASE | 1: 1 | length: 2 | group |
//! partition: | LEASE | 2: 1 | topic: 16 | partition: 4 |
//! role:      | LEASE | 3: 1 | role: 1 |
//!
//! role: 1 orphans, 2 retired, 3 retention, 4 topics, 5 feed, 6 producers, 7 offsets
//! ```

use alluvium_model::lease::{LeaseKey, MaintenanceRole};

use crate::{
    keyspace::{Key, Tag},
    kv::Range,
};

const GROUP: u8 = 1;
const PARTITION: u8 = 2;
const ROLE: u8 = 3;

/// The key of a lease.
pub(super) fn lease_key(lease: &LeaseKey) -> Vec<u8> {
    let key = Key::new(Tag::LEASE);
    match lease {
        LeaseKey::Group(group) => key.raw(&[GROUP]).group(group),
        LeaseKey::Partition(partition) => key.raw(&[PARTITION]).partition(*partition),
        LeaseKey::Role(role) => key.raw(&[ROLE, role_number(*role)]),
    }
    .bytes()
}

/// All leases.
pub(super) fn all_leases() -> Range {
    Range::prefix(Key::new(Tag::LEASE).bytes())
}

fn role_number(role: MaintenanceRole) -> u8 {
    match role {
        MaintenanceRole::Orphans => 1,
        MaintenanceRole::Retired => 2,
        MaintenanceRole::Retention => 3,
        MaintenanceRole::Topics => 4,
        MaintenanceRole::Feed => 5,
        MaintenanceRole::Producers => 6,
        MaintenanceRole::Offsets => 7,
    }
}
