//! Which topic names and partition counts are legal: Kafka's rules, so that every client's tooling agrees.

/// Longest topic name, in characters (Kafka's limit: a directory name had to fit).
pub const TOPIC_NAME_CHARS_MAX: usize = 249;
/// Most partitions of one topic, and most created by one request (Kafka's controller refuses more in one request).
pub const PARTITIONS_MAX: i32 = 10_000;

/// Why a topic name was refused. The texts are those that Kafka's users know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopicName {
    /// No characters.
    #[error("Topic name is invalid: the empty string is not allowed")]
    Empty,
    /// `.` or `..`, which mean something else in paths.
    #[error("Topic name is invalid: '{0}' is not allowed")]
    Dots(String),
    /// Too many characters.
    #[error("Topic name is invalid: the length of '{0}' is longer than the max allowed length {TOPIC_NAME_CHARS_MAX}")]
    TooLong(String),
    /// A character outside the alphabet.
    #[error(
        "Topic name is invalid: '{0}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    )]
    Character(String),
}

/// Checks a topic's name.
///
/// # Errors
/// Where it is not 1 to 249 of `[a-zA-Z0-9._-]`, or is `.` or `..`.
pub fn validate_topic_name(name: &str) -> Result<(), InvalidTopicName> {
    match name {
        "" => Err(InvalidTopicName::Empty),
        "." | ".." => Err(InvalidTopicName::Dots(name.to_owned())),
        _ if name.chars().count() > TOPIC_NAME_CHARS_MAX => Err(InvalidTopicName::TooLong(name.to_owned())),
        _ if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) => {
            Err(InvalidTopicName::Character(name.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Whether two different topics must not exist together: metric names turn `.` into `_`, so that they would be one there.
#[must_use]
pub fn collides(one: &str, other: &str) -> bool {
    one != other && collision_key(one) == collision_key(other)
}

/// What all topics that collide with one another have in common.
#[must_use]
pub fn collision_key(name: &str) -> String {
    name.replace('.', "_")
}

/// Whether a topic may have so many partitions.
#[must_use]
pub fn validate_partition_count(partitions: i32) -> bool {
    (1..=PARTITIONS_MAX).contains(&partitions)
}
