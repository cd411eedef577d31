//! Which keys of a shared FoundationDB are ours.
//!
//! ```text
//! key     | prefix | 0 | key |
//! stamped | prefix | 0 | start of the key | placeholder (10) | end of the key | where the placeholder is (4, little-endian) |
//! ```
//!
//! The prefix has no zero byte, so that none begins with another and the byte behind it.

use bytes::Bytes;

use crate::kv::{Error, engine::STAMP_BYTES, limits::PREFIX_BYTES_MAX};

/// Ends the prefix.
const END: u8 = 0;

/// The keys behind one prefix.
#[derive(Debug)]
pub(super) struct Keys(Vec<u8>);

impl Keys {
    /// Those behind `prefix`; else why they cannot be.
    pub fn behind(prefix: &[u8]) -> Result<Self, String> {
        if prefix.is_empty() || prefix.len() > PREFIX_BYTES_MAX {
            return Err(format!("must have 1 to {PREFIX_BYTES_MAX} bytes, not {}", prefix.len()));
        }
        if !prefix.is_ascii() || prefix.iter().any(u8::is_ascii_control) {
            return Err("must be of printable ASCII characters".to_owned());
        }
        Ok(Self([prefix, &[END]].concat()))
    }

    /// `key` as FoundationDB has it.
    pub fn full(&self, key: &[u8]) -> Vec<u8> {
        [&self.0, key].concat()
    }

    /// The parameter by which FoundationDB makes a versionstamped key.
    pub fn stamped(&self, prefix: &[u8], suffix: &[u8]) -> Vec<u8> {
        let before = self.0.len() + prefix.len();
        let position = u32::try_from(before).expect("a key is shorter than 10 kB");
        [&self.0, prefix, &[0; STAMP_BYTES], suffix, &position.to_le_bytes()].concat()
    }

    /// What `full` was made of.
    pub fn ours(&self, full: &[u8]) -> Result<Bytes, Error> {
        let key = full.strip_prefix(&self.0[..]);
        key.map(Bytes::copy_from_slice).ok_or_else(|| Error::Storage("FoundationDB answered another key".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_without_their_prefix() {
        let keys = Keys::behind(b"alluvium").unwrap();
        assert_eq!(keys.full(b"key"), b"alluvium\0key");
        assert_eq!(keys.ours(b"alluvium\0key"), Ok(Bytes::from_static(b"key")));
        assert!(keys.ours(b"alluvium2\0key").is_err());
    }

    #[test]
    fn the_stamp_lies_between_both_parts_of_its_key() {
        let keys = Keys::behind(b"p").unwrap();
        assert_eq!(keys.stamped(b"log/", b"/1"), b"p\0log/\0\0\0\0\0\0\0\0\0\0/1\x06\0\0\0");
    }

    #[test]
    fn no_cluster_lies_within_another() {
        let [one, two] = [b"alluvium".as_slice(), b"alluvium2"].map(|prefix| Keys::behind(prefix).unwrap());
        let (first, end) = (one.full(b""), one.full(b"\xff"));
        assert!(!(first..end).contains(&two.full(b"key")));
        for prefix in [b"".as_slice(), b"a\0b", b"\xff", &[b'a'; 65]] {
            assert!(Keys::behind(prefix).is_err(), "{prefix:?}");
        }
    }
}
