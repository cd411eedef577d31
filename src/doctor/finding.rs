//! One finding: what was checked, how it came out, what that means and what to do about it.

use serde::Serialize;
use serde_json::{Map, Value};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It could not be found out; nothing says that it is wrong.
    NotKnown,
    /// It works, and will hurt.
    Warning,
    /// It does not work.
    Failure,
}

/// What one check found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Which check: family and subject, such as `bucket.put`. Scripts may rely on it.
    pub check: &'static str,
    /// How it came out.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// What that means; absent where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<String>,
    /// What to do about it; absent where nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Figures, by name; the unit is the end of the name.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub measured: Map<String, Value>,
}

impl Finding {
    /// All is well.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        let (found, measured) = (found.into(), Map::new());
        Self { check, outcome: Outcome::Ok, found, means: None, advice: None, measured }
    }

    /// Nobody could tell, and why; what could be done to find out.
    pub fn not_known(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { outcome: Outcome::NotKnown, advice: Some(advice.into()), ..Self::ok(check, found) }
    }

    /// It works, and will hurt.
    pub fn warning(
        check: &'static str,
        found: impl Into<String>,
        means: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (means, advice) = (Some(means.into()), Some(advice.into()));
        Self { outcome: Outcome::Warning, means, advice, ..Self::ok(check, found) }
    }

    /// It does not work.
    pub fn failure(
        check: &'static str,
        found: impl Into<String>,
        means: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { outcome: Outcome::Failure, ..Self::warning(check, found, means, advice) }
    }

    /// The same, with a figure.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.measured.insert(name.to_owned(), value.into());
        self
    }
}
