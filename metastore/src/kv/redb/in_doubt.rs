//! The stored form of a batch in doubt: the objects that it needs, and what undoes it. Numbers are big-endian; texts
//! and values have their length (u32) before them.
//!
//! ```text
//! | version: u8 = 1 | store: text |
//! | objects: u32 | each: key: text | bytes: u64 |
//! | rows: u32    | each: key: value | had a value: u8 | value, if it had one |
//! ```

use bytes::Bytes;

use super::store_error::StoreError;
use crate::kv::{ObjectName, ObjectWitness, embedded::InDoubt};

const VERSION: u8 = 1;

/// The stored form of `in_doubt`, whose objects are in `store`.
pub(super) fn encode(in_doubt: &InDoubt, store: &str) -> Vec<u8> {
    let mut out = vec![VERSION];
    put(&mut out, store.as_bytes());
    put_count(&mut out, in_doubt.objects.len());
    for ObjectName { key, bytes } in &in_doubt.objects {
        put(&mut out, key.as_bytes());
        out.extend_from_slice(&bytes.to_be_bytes());
    }
    put_count(&mut out, in_doubt.undo.len());
    for (key, value) in &in_doubt.undo {
        put(&mut out, key);
        out.push(u8::from(value.is_some()));
        if let Some(value) = value {
            put(&mut out, value);
        }
    }
    out
}

/// The store and the batch in doubt that `row` holds.
pub(super) fn decode(row: &[u8]) -> Result<(String, InDoubt), StoreError> {
    let mut row = Row(row);
    row.decode()
        .filter(|_| row.0.is_empty())
        .ok_or_else(|| StoreError::Unreadable("its row in doubt is malformed".into()))
}

/// Whether all objects of the batch survived in `store`.
pub(super) fn has_survived(
    in_doubt: &InDoubt,
    store: &str,
    witness: Option<&dyn ObjectWitness>,
) -> Result<bool, StoreError> {
    let Some(witness) = witness.filter(|witness| witness.store() == store) else {
        return Err(StoreError::Undecided(format!("start once with the objects in {store}")));
    };
    for object in &in_doubt.objects {
        let survived = witness.has_survived(object);
        if !survived.map_err(|error| StoreError::Undecided(format!("object {}: {error}", object.key)))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("a batch has a few MB");
    out.extend_from_slice(&count.to_be_bytes());
}

/// What is left of a row.
struct Row<'a>(&'a [u8]);

impl Row<'_> {
    fn decode(&mut self) -> Option<(String, InDoubt)> {
        if self.take(1)? != [VERSION] {
            return None;
        }
        let store = self.text()?;
        let mut in_doubt = InDoubt::default();
        for _ in 0..self.count()? {
            let key = self.text()?;
            in_doubt.objects.push(ObjectName { key, bytes: u64::from_be_bytes(self.take(8)?.try_into().ok()?) });
        }
        for _ in 0..self.count()? {
            let key = self.value()?;
            let value = match self.take(1)? {
                [0] => None,
                [1] => Some(self.value()?),
                _ => return None,
            };
            in_doubt.undo.push((key, value));
        }
        Some((store, in_doubt))
    }

    fn take(&mut self, bytes: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.take(4)?.try_into().ok()?)).ok()
    }

    fn value(&mut self) -> Option<Bytes> {
        let bytes = self.count()?;
        Some(Bytes::copy_from_slice(self.take(bytes)?))
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.value()?.to_vec()).ok()
    }
}
