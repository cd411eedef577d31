//! Incremental alterations (KIP-339) of a topic's overrides.

use std::collections::BTreeMap;

use super::definitions::{ConfigKind, definition};
use super::typed::TopicConfigs;
use super::value::{ConfigError, list};

/// One alteration of one config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alteration {
    /// The name of the config.
    pub name: String,
    /// The operation.
    pub op: AlterOp,
}

/// An operation on a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterOp {
    /// Override it with this value.
    Set(String),
    /// Remove the override.
    Delete,
    /// Add those of the given entries that its list lacks.
    Append(String),
    /// Remove the given entries from its list.
    Subtract(String),
}

/// The name of a config, and its new override, or `None` to remove it.
pub type ConfigChange = (String, Option<String>);

/// The changes that `alterations`, made in order, make to `overrides`; the result is checked as a whole.
///
/// # Errors
/// If a name is unknown, an operation does not suit its config, or the resulting configuration is not legal.
pub fn changes(
    overrides: &BTreeMap<String, String>,
    alterations: &[Alteration],
) -> Result<Vec<ConfigChange>, ConfigError> {
    let mut after = overrides.clone();
    for Alteration { name, op } in alterations {
        let Some(def) = definition(name) else {
            if *op == AlterOp::Delete {
                // An unknown config is not set; Kafka accepts its deletion.
                continue;
            }
            return Err(ConfigError::Unknown { name: name.clone() });
        };
        let entries = |verb| match def.kind {
            ConfigKind::List => Ok(list(after.get(name).map_or(def.default, String::as_str))),
            _ => Err(ConfigError::NotAList { name: name.clone(), verb }),
        };
        let value = match op {
            AlterOp::Set(value) => Some(value.clone()),
            AlterOp::Delete => None,
            AlterOp::Append(more) => Some(append(entries("APPEND")?, &list(more))),
            AlterOp::Subtract(fewer) => Some(subtract(entries("SUBTRACT")?, &list(fewer))),
        };
        match value {
            Some(value) => after.insert(name.clone(), value),
            None => after.remove(name),
        };
    }
    TopicConfigs::parse(&after)?;
    let mut names: Vec<&String> = alterations.iter().map(|alteration| &alteration.name).collect();
    names.retain(|name| definition(name).is_some());
    names.sort_unstable();
    names.dedup();
    Ok(names.into_iter().map(|name| (name.clone(), after.get(name).cloned())).collect())
}

fn append<'a>(mut entries: Vec<&'a str>, more: &[&'a str]) -> String {
    for entry in more {
        if !entries.contains(entry) {
            entries.push(entry);
        }
    }
    entries.join(",")
}

fn subtract(mut entries: Vec<&str>, fewer: &[&str]) -> String {
    entries.retain(|entry| !fewer.contains(entry));
    entries.join(",")
}
