//! The XML of the settings, as S3 writes it. Unknown elements are ignored.

use serde::Deserialize;

/// `LifecycleConfiguration`.
#[derive(Debug, Deserialize)]
pub(super) struct Lifecycle {
    /// The rules, in S3's order.
    #[serde(rename = "Rule", default)]
    pub rules: Vec<RuleElement>,
}

/// A rule of a lifecycle configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RuleElement {
    /// Its name, which S3 invents if the owner gives none.
    #[serde(rename = "ID")]
    pub id: Option<String>,
    /// `Enabled` or `Disabled`.
    pub status: String,
    /// The prefix of rules without a filter (S3's older form).
    pub prefix: Option<String>,
    /// Which objects it applies to; all if there is none.
    pub filter: Option<Filter>,
    /// When it deletes objects.
    pub expiration: Option<Expiration>,
    /// When it moves objects to other storage classes.
    #[serde(rename = "Transition")]
    pub transitions: Vec<Transition>,
    /// Whether it deletes old versions of objects.
    pub noncurrent_version_expiration: Option<Present>,
}

/// The objects that a rule applies to: at most one of the fields is set.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Filter {
    /// Objects whose keys begin with this.
    pub prefix: Option<String>,
    /// Objects with a tag.
    pub tag: Option<Present>,
    /// Objects that satisfy several conditions.
    pub and: Option<And>,
}

/// Conditions of a filter that must all hold.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct And {
    /// Keys begin with this.
    pub prefix: Option<String>,
    /// Objects have these tags.
    #[serde(rename = "Tag")]
    pub tags: Vec<Present>,
}

/// When a rule deletes objects: an age or a date.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Expiration {
    /// Age of an object, days.
    pub days: Option<u32>,
    /// ISO 8601 date.
    pub date: Option<String>,
}

/// A move of objects to another storage class.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Transition {
    /// S3's name of the class, such as `GLACIER`.
    pub storage_class: String,
}

/// An element that matters by being there.
#[derive(Debug, Deserialize)]
pub(super) struct Present {}

/// `VersioningConfiguration`.
#[derive(Debug, Deserialize)]
pub(super) struct VersioningConfiguration {
    /// `Enabled` or `Suspended`; `None` if versioning was never enabled.
    #[serde(rename = "Status")]
    pub status: Option<String>,
}

/// `ObjectLockConfiguration`.
#[derive(Debug, Deserialize)]
pub(super) struct ObjectLock {
    /// The default retention of new objects.
    #[serde(rename = "Rule")]
    pub rule: Option<Present>,
}
