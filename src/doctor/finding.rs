//! One finding: the check, its outcome, what that means and what to do about it.

use serde::Serialize;
use serde_json::{Map, Value};

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// The check could not be done; nothing shows that anything is wrong.
    NotKnown,
    /// It works, but will cause problems.
    Warning,
    /// It does not work.
    Failure,
}

/// The finding of one check.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Name of the check: its family and subject, such as `bucket.put`. Scripts may rely on it.
    pub check: &'static str,
    /// The outcome of the check.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// What that means; `None` if all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<String>,
    /// What to do about it; `None` if nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Figures by name; each name ends with the unit.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub measured: Map<String, Value>,
}

impl Finding {
    /// A finding that all is well.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        let (found, measured) = (found.into(), Map::new());
        Self { check, outcome: Outcome::Ok, found, means: None, advice: None, measured }
    }

    /// A check that could not be done: `found` says why, `advice` how to find out otherwise.
    pub fn not_known(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { outcome: Outcome::NotKnown, advice: Some(advice.into()), ..Self::ok(check, found) }
    }

    /// A finding that something will cause problems.
    pub fn warning(
        check: &'static str,
        found: impl Into<String>,
        means: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (means, advice) = (Some(means.into()), Some(advice.into()));
        Self { outcome: Outcome::Warning, means, advice, ..Self::ok(check, found) }
    }

    /// A finding that something does not work.
    pub fn failure(
        check: &'static str,
        found: impl Into<String>,
        means: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { outcome: Outcome::Failure, ..Self::warning(check, found, means, advice) }
    }

    /// The same finding with one more figure.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.measured.insert(name.to_owned(), value.into());
        self
    }
}
