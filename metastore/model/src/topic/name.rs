//! Legal topic names, by Kafka's rule.

use thiserror::Error;

use crate::limits::TOPIC_NAME_BYTES_MAX;

/// Why a name is not legal; the texts are Kafka's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidName {
    /// It is empty.
    #[error("the empty string is not allowed")]
    Empty,
    /// It is `.` or `..`, which would be folders.
    #[error("'.' or '..' is not allowed")]
    Dots,
    /// It is longer than [`TOPIC_NAME_BYTES_MAX`] bytes.
    #[error("the length of the name is longer than the max allowed length {TOPIC_NAME_BYTES_MAX}")]
    TooLong,
    /// It contains an illegal character.
    #[error("the name contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")]
    Characters,
}

/// Checks that `name` is a legal topic name.
pub fn check_name(name: &str) -> Result<(), InvalidName> {
    if name.is_empty() {
        Err(InvalidName::Empty)
    } else if name == "." || name == ".." {
        Err(InvalidName::Dots)
    } else if name.len() > TOPIC_NAME_BYTES_MAX {
        Err(InvalidName::TooLong)
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
        Err(InvalidName::Characters)
    } else {
        Ok(())
    }
}

/// The key by which names collide: metric names have no dots, so Kafka lets no two topics differ only in `.` and `_`.
#[must_use]
pub fn collision_key(name: &str) -> String {
    name.replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_legal_as_in_kafka() {
        assert_eq!(check_name("orders.v1_eu-west"), Ok(()));
        assert_eq!(check_name("..."), Ok(()));
        assert_eq!(check_name(&"a".repeat(249)), Ok(()));
        assert_eq!(check_name(&"a".repeat(250)), Err(InvalidName::TooLong));
        assert_eq!(check_name(""), Err(InvalidName::Empty));
        assert_eq!(check_name("."), Err(InvalidName::Dots));
        assert_eq!(check_name(".."), Err(InvalidName::Dots));
        for name in ["a b", "a/b", "é", "a\0", "a:b"] {
            assert_eq!(check_name(name), Err(InvalidName::Characters), "{name}");
        }
    }

    #[test]
    fn names_that_differ_in_dots_and_underscores_collide() {
        assert_eq!(collision_key("a.b_c"), collision_key("a_b.c"));
        assert_ne!(collision_key("a.b"), collision_key("a-b"));
    }
}
