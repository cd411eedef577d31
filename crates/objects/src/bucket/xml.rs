//! The XML of the settings, as S3 writes it. Unknown elements are ignored.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Lifecycle {
    #[serde(rename = "Rule", default)]
    pub rules: Vec<Rule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Rule {
    #[serde(rename = "ID")]
    pub id: Option<String>,
    pub status: String,
    /// The prefix of rules without a filter (S3's older form).
    pub prefix: Option<String>,
    pub filter: Option<Filter>,
    pub expiration: Option<Expiration>,
    #[serde(rename = "Transition")]
    pub transitions: Vec<Transition>,
    pub noncurrent_version_expiration: Option<Present>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Filter {
    pub prefix: Option<String>,
    pub tag: Option<Present>,
    pub and: Option<And>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct And {
    pub prefix: Option<String>,
    #[serde(rename = "Tag")]
    pub tags: Vec<Present>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Expiration {
    pub days: Option<u32>,
    pub date: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Transition {
    pub storage_class: String,
}

/// An element that matters by being there.
#[derive(Debug, Deserialize)]
pub(super) struct Present {}

#[derive(Debug, Deserialize)]
pub(super) struct Versioning {
    #[serde(rename = "Status")]
    pub status: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ObjectLock {
    #[serde(rename = "Rule")]
    pub rule: Option<Present>,
}
