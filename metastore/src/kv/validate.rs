//! Checks of keys, values and mutations against the limits, the same in every engine.

use super::{
    Error, Mutation,
    engine::STAMP_BYTES,
    limits::{KEY_BYTES_MAX, SYSTEM_PREFIX, VALUE_BYTES_MAX},
};

/// An error if a key or a value of `mutation` is too large or outside the legal keys.
pub(super) fn check_mutation(mutation: &Mutation) -> Result<(), Error> {
    let (key, bytes, value) = match mutation {
        Mutation::Set { key, value } => (key, key.len(), value.len()),
        Mutation::Clear { key } | Mutation::Add { key, delta: _ } => (key, key.len(), 0),
        Mutation::ClearRange { begin, end } => {
            let legal_end: &[u8] = &[SYSTEM_PREFIX];
            if end > legal_end {
                return Err(Error::KeyOutsideLegalRange);
            }
            check_key(end.len(), b"")?;
            (begin, begin.len(), 0)
        }
        Mutation::SetStamped { prefix, suffix, value } => {
            (prefix, prefix.len() + STAMP_BYTES + suffix.len(), value.len())
        }
    };
    check_key(bytes, key)?;
    if value > VALUE_BYTES_MAX { Err(Error::ValueTooLarge { bytes: value }) } else { Ok(()) }
}

/// An error if a key of `bytes` bytes that starts with `key` is too large or belongs to the engine.
pub(super) fn check_key(bytes: usize, key: &[u8]) -> Result<(), Error> {
    if bytes > KEY_BYTES_MAX {
        return Err(Error::KeyTooLarge { bytes });
    }
    if key.first() == Some(&SYSTEM_PREFIX) {
        return Err(Error::KeyOutsideLegalRange);
    }
    Ok(())
}
