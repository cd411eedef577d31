//! The prefix of this cluster's keys in a shared FoundationDB.
//!
//! ```text
//! key     | prefix | 0 | key |
//! stamped | prefix | 0 | start of the key | placeholder (10) | end of the key | its offset (4, little-endian) |
//! ```
//!
//! A prefix has no zero byte, so no prefix followed by its end byte begins another one's keys.

use bytes::Bytes;

use crate::kv::{Error, engine::STAMP_BYTES, limits::PREFIX_BYTES_MAX};

/// Stands after the prefix.
const END: u8 = 0;

/// Adds one prefix to keys and strips it again.
#[derive(Debug)]
pub(super) struct KeyPrefix(Vec<u8>);

impl KeyPrefix {
    /// Keys under `prefix`, or why it cannot be used.
    pub fn new(prefix: &[u8]) -> Result<Self, String> {
        if prefix.is_empty() || prefix.len() > PREFIX_BYTES_MAX {
            return Err(format!("must have 1 to {PREFIX_BYTES_MAX} bytes, not {}", prefix.len()));
        }
        if !prefix.is_ascii() || prefix.iter().any(u8::is_ascii_control) {
            return Err("must be of printable ASCII characters".to_owned());
        }
        Ok(Self([prefix, &[END]].concat()))
    }

    /// `key` as it is stored in FoundationDB.
    pub fn add_to(&self, key: &[u8]) -> Vec<u8> {
        [&self.0, key].concat()
    }

    /// The parameter from which FoundationDB makes a versionstamped key.
    pub fn versionstamped(&self, prefix: &[u8], suffix: &[u8]) -> Vec<u8> {
        let before = self.0.len() + prefix.len();
        let position = u32::try_from(before).expect("a key is shorter than 10 kB");
        [&self.0, prefix, &[0; STAMP_BYTES], suffix, &position.to_le_bytes()].concat()
    }

    /// The key that is stored in FoundationDB as `stored`.
    pub fn strip(&self, stored: &[u8]) -> Result<Bytes, Error> {
        let key = stored.strip_prefix(&self.0[..]);
        key.map(Bytes::copy_from_slice)
            .ok_or_else(|| Error::Storage("FoundationDB returned a key without our prefix".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_without_their_prefix() {
        let prefix = KeyPrefix::new(b"alluvium").unwrap();
        assert_eq!(prefix.add_to(b"key"), b"alluvium\0key");
        assert_eq!(prefix.strip(b"alluvium\0key"), Ok(Bytes::from_static(b"key")));
        assert!(prefix.strip(b"alluvium2\0key").is_err());
    }

    #[test]
    fn the_stamp_lies_between_both_parts_of_its_key() {
        let prefix = KeyPrefix::new(b"p").unwrap();
        assert_eq!(prefix.versionstamped(b"log/", b"/1"), b"p\0log/\0\0\0\0\0\0\0\0\0\0/1\x06\0\0\0");
    }

    #[test]
    fn no_prefix_covers_the_keys_of_another() {
        let [one, two] = [b"alluvium".as_slice(), b"alluvium2"].map(|prefix| KeyPrefix::new(prefix).unwrap());
        let (first, end) = (one.add_to(b""), one.add_to(b"\xff"));
        assert!(!(first..end).contains(&two.add_to(b"key")));
        for prefix in [b"".as_slice(), b"a\0b", b"\xff", &[b'a'; 65]] {
            assert!(KeyPrefix::new(prefix).is_err(), "{prefix:?}");
        }
    }
}
