//! References of extents to objects, counted by the transactions that link and unlink extents.
//!
//! An object's row says how many references it was created with. No reference is ever added later, so transactions that
//! take references back need not know how many are left: they add to a counter, blindly, and put the objects into a
//! queue. Whatever takes references to the same object back at the same time does not conflict.

use std::{collections::BTreeMap, time::Duration};

use alluvium_model::{Extent, ObjectId, Timestamp};

use super::{
    key::{object_key, released_count_key, released_prefix, retired_key},
    object_row::{self, Object},
    released_row::{RELEASED_IDS_MAX, Released, encode_released},
    retired_row::encode_retired,
};
use crate::kv::Tx;

/// When a transaction retires objects, and for how long they stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retire {
    /// The time of the transaction, ms.
    pub now: Timestamp,
    /// How long fetches may still read a retired object: it is deleted afterwards.
    pub grace: Duration,
}

impl Retire {
    fn due(self) -> Timestamp {
        Timestamp(self.now.plus(self.grace).0.max(0))
    }
}

/// Makes an object known; one without references is retired at once.
pub(crate) fn add_object(tx: &Tx, id: ObjectId, key: String, bytes: u64, references: u32, retire: Retire) {
    let object = Object { key, bytes, references, due: None };
    if references == 0 {
        self::retire(tx, id, object, retire);
    } else {
        tx.set(&object_key(id), &object_row::encode(id, &object));
    }
}

/// Takes back one reference for each of `extents`, if there are any that lie in objects. An object that has none left is retired by a later
/// step ([`super::KnownObjects::retire_released`]). Must be called at most once in a transaction.
pub(crate) fn release_references<'a>(tx: &Tx, now: Timestamp, extents: impl IntoIterator<Item = &'a Extent>) {
    let mut counts: BTreeMap<ObjectId, i64> = BTreeMap::new();
    for extent in extents.into_iter().filter(|extent| !extent.is_marker()) {
        *counts.entry(extent.object).or_default() += 1;
    }
    if counts.is_empty() {
        return;
    }
    for (id, count) in &counts {
        tx.add(&released_count_key(*id), *count);
    }
    let ids: Vec<_> = counts.into_keys().collect();
    for (number, ids) in (0u16..).zip(ids.chunks(RELEASED_IDS_MAX)) {
        let released = Released { at: now, ids: ids.to_vec() };
        tx.set_versionstamped_key(&released_prefix(), &number.to_be_bytes(), &encode_released(&released));
    }
}

/// Puts an object without references into the retire queue.
pub(super) fn retire(tx: &Tx, id: ObjectId, object: Object, retire: Retire) {
    let due = retire.due();
    tx.set(&retired_key(due, id), &encode_retired(id, &object.key));
    tx.set(&object_key(id), &object_row::encode(id, &Object { due: Some(due), ..object }));
}
