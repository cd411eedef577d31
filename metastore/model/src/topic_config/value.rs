//! Parsing the text of one config, and checking it against its rule. Texts are parsed as Kafka does: trimmed, booleans
//! in any case, lists split at commas.

use super::definitions::{ConfigDef, ConfigKind, ValueRule, definition};

/// Why overrides are rejected. The texts are Kafka's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No topic config has this name.
    #[error("Unknown topic config name: {name}")]
    Unknown {
        /// The unknown name.
        name: String,
    },
    /// The value cannot be parsed, or is out of range.
    #[error("Invalid value {value} for configuration {name}: {why}")]
    Invalid {
        /// The name of the config.
        name: String,
        /// Its value, as sent.
        value: String,
        /// The problem with it.
        why: String,
    },
    /// Two values contradict each other.
    #[error("conflict topic config setting {first} ({first_value}) > {second} ({second_value})")]
    Conflict {
        /// The name of the config that must not be more than the second.
        first: &'static str,
        /// Its value.
        first_value: i64,
        /// The name of the second config.
        second: &'static str,
        /// Its value.
        second_value: i64,
    },
    /// Append to, or subtract from, a config that is no list.
    #[error("Can't {verb} to key {name} because its type is not LIST.")]
    NotAList {
        /// The name of the config.
        name: String,
        /// `APPEND` or `SUBTRACT`.
        verb: &'static str,
    },
}

/// Checks that `value` is legal for the config `name`.
///
/// # Errors
/// If there is no such config, or the value is not legal.
pub fn validate_value(name: &str, value: &str) -> Result<(), ConfigError> {
    let def = definition(name).ok_or_else(|| ConfigError::Unknown { name: name.to_owned() })?;
    check(def, value).map_err(|why| ConfigError::Invalid { name: name.to_owned(), value: value.to_owned(), why })
}

/// The legal `value` as Kafka shows it: without spaces around it or its parts, each part once, booleans in lower case.
#[must_use]
pub fn canonical(def: &ConfigDef, value: &str) -> String {
    match def.kind {
        ConfigKind::Boolean => boolean(value).map_or_else(|| value.to_owned(), |truth| truth.to_string()),
        ConfigKind::Int | ConfigKind::Long => long(value).map_or_else(|| value.to_owned(), |number| number.to_string()),
        ConfigKind::List => {
            let parts = list(value);
            let first = |(index, part): &(usize, &&str)| !parts[..*index].contains(*part);
            parts.iter().enumerate().filter(first).map(|(_, part)| *part).collect::<Vec<_>>().join(",")
        }
        ConfigKind::Text | ConfigKind::Double => value.trim().to_owned(),
    }
}

fn check(def: &ConfigDef, value: &str) -> Result<(), String> {
    match def.kind {
        ConfigKind::Boolean => {
            boolean(value).map(drop).ok_or_else(|| "Expected value to be either true or false".into())
        }
        ConfigKind::Int => {
            let number = value.trim().parse::<i32>().map_err(|_| "Not a number of type INT".to_owned())?;
            check_number(def.rule, i64::from(number))
        }
        ConfigKind::Long => check_number(def.rule, long(value).ok_or("Not a number of type LONG")?),
        ConfigKind::Double => {
            let number = value.trim().parse::<f64>().map_err(|_| "Not a number of type DOUBLE".to_owned())?;
            check_fraction(def.rule, number)
        }
        ConfigKind::Text => check_text(def.rule, value.trim()),
        ConfigKind::List => check_list(def.rule, &list(value)),
    }
}

/// The value of a boolean; `None` if it is neither `true` nor `false`.
pub(super) fn boolean(value: &str) -> Option<bool> {
    let value = value.trim();
    if value.eq_ignore_ascii_case("true") {
        Some(true)
    } else if value.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// The value of a 64-bit number; `None` if it is none.
pub(super) fn long(value: &str) -> Option<i64> {
    value.trim().parse().ok()
}

/// The parts of a list, trimmed; none if the text is blank.
pub(super) fn list(value: &str) -> Vec<&str> {
    if value.trim().is_empty() { Vec::new() } else { value.split(',').map(str::trim).collect() }
}

fn check_number(rule: ValueRule, number: i64) -> Result<(), String> {
    match rule {
        ValueRule::AtLeast(min) | ValueRule::Between(min, _) if number < min => {
            Err(format!("Value must be at least {min}"))
        }
        ValueRule::Between(_, max) if number > max => Err(format!("Value must be no more than {max}")),
        ValueRule::GzipLevel if number != -1 && !(1..=9).contains(&number) => {
            Err("Value must be between 1 and 9 or equal to -1".into())
        }
        _ => Ok(()),
    }
}

fn check_fraction(rule: ValueRule, number: f64) -> Result<(), String> {
    match rule {
        ValueRule::Fraction if !(0.0..=1.0).contains(&number) => Err("Value must be between 0 and 1".into()),
        _ => Ok(()),
    }
}

fn check_text(rule: ValueRule, text: &str) -> Result<(), String> {
    match rule {
        ValueRule::OneOf(legal) if !legal.contains(&text) => {
            Err(format!("String must be one of: {}", legal.join(", ")))
        }
        _ => Ok(()),
    }
}

fn check_list(rule: ValueRule, parts: &[&str]) -> Result<(), String> {
    match rule {
        ValueRule::ListOf(legal) => match parts {
            parts if parts.iter().any(|part| !legal.contains(part)) => {
                Err(format!("String must be one of: {}", legal.join(", ")))
            }
            _ => Ok(()),
        },
        ValueRule::ThrottledReplicas if parts != ["*"] && !parts.iter().all(|part| is_throttled_replica(part)) => {
            Err("must be the literal '*' or a list of replicas in the following format: \
                 [partitionId]:[brokerId],[partitionId]:[brokerId],..."
                .into())
        }
        _ => Ok(()),
    }
}

fn is_throttled_replica(part: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    part.split_once(':').is_some_and(|(partition, broker)| digits(partition) && digits(broker))
}
