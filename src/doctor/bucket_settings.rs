//! The bucket's own settings: lifecycle rules, versioning and object lock. A lifecycle rule that deletes live objects
//! loses records.

use alluvium_model::object_key::{HISTORY, SEGMENTS};
use alluvium_s3::{BucketSettings, Expiry, LifecycleRule, S3Location, Setting, Versioning};
use anyhow::Result;

use super::{bucket::store_failure, finding::Finding, findings::Findings};
use crate::config::{Settings, StoreLocation};

const LIFECYCLE: &str = "bucket.lifecycle";
const VERSIONING: &str = "bucket.versioning";
const OBJECT_LOCK: &str = "bucket.object-lock";

/// Checks the bucket's settings, if the store is a bucket.
///
/// # Errors
/// If a finding cannot be printed.
pub async fn check(settings: &Settings, findings: &mut Findings) -> Result<()> {
    let StoreLocation::S3(location) = &settings.store else { return Ok(()) };
    let bucket = match BucketSettings::of(location).await {
        Ok(bucket) => bucket,
        Err(error) => return findings.add(store_failure(LIFECYCLE, &settings.store, &error)),
    };
    let rules = bucket.lifecycle().await;
    let expires_versions = matches!(&rules, Setting::Known(rules) if rules.iter().any(|rule| rule.expires_versions));
    for finding in lifecycle(rules, location) {
        findings.add(finding)?;
    }
    findings.add(versioning(bucket.versioning().await, expires_versions))?;
    findings.add(object_lock(bucket.locks_new_objects().await))
}

/// One finding for each rule that affects live objects, or one that none does.
fn lifecycle(rules: Setting<Vec<LifecycleRule>>, location: &S3Location) -> Vec<Finding> {
    let rules = match rules {
        Setting::Known(rules) => rules,
        Setting::Unknown(why) => {
            let advice = "Make sure that no lifecycle rule deletes or archives objects below segments/ and history/.";
            return vec![Finding::not_known(LIFECYCLE, why, advice)];
        }
    };
    let live = live_prefixes(location);
    let affecting = rules.iter().filter(|rule| live.iter().any(|prefix| rule.touches(prefix)));
    let found: Vec<Finding> = affecting.filter_map(effect).collect();
    if found.is_empty() {
        let fine = format!("{} rules, none of which deletes or archives live objects", rules.len());
        return vec![Finding::ok(LIFECYCLE, fine).with("rules", rules.len())];
    }
    found
}

/// The prefixes of live objects, which exist as long as their records.
fn live_prefixes(location: &S3Location) -> [String; 2] {
    let within = |folder: &str| match location.prefix.as_str() {
        "" => folder.to_owned(),
        prefix => format!("{prefix}/{folder}"),
    };
    [within(SEGMENTS), within(HISTORY)]
}

/// What a rule that matches live objects does to them; `None` if that is harmless.
fn effect(rule: &LifecycleRule) -> Option<Finding> {
    let name = format!("rule {:?} on prefix {:?}", rule.id, rule.prefix);
    let change = "Disable it, or narrow its prefix so that it matches neither segments/ nor history/ of this store. \
                  Retention is configured per topic (retention.ms, retention.bytes).";
    let finding = if let Some(expiry) = &rule.expiry {
        let when = match expiry {
            Expiry::Days(days) => format!("{days} days after they were written"),
            Expiry::Date(date) => format!("on {date}"),
        };
        let means = "Acknowledged records are lost while their offsets still exist: consumers cannot read past them.";
        Finding::failure(LIFECYCLE, format!("{name} deletes live objects {when}"), means, change)
    } else if rule.archives() {
        let means = "Archived objects cannot be read until they are restored: consumers of old records are stuck.";
        Finding::failure(
            LIFECYCLE,
            format!("{name} archives live objects ({})", rule.moves_to.join(", ")),
            means,
            change,
        )
    } else if rule.moves_to.is_empty() {
        return None;
    } else {
        let means =
            "Reads still work, but cost more, and objects are charged for the class's minimum duration at least.";
        let found = format!("{name} moves live objects to {}", rule.moves_to.join(", "));
        Finding::warning(LIFECYCLE, found, means, "Keep it only if old records are hardly ever read.")
    };
    Some(finding)
}

fn versioning(answer: Setting<Versioning>, expires_versions: bool) -> Finding {
    match answer {
        Setting::Known(Versioning::Off) => Finding::ok(VERSIONING, "off: deleted objects are gone"),
        Setting::Known(Versioning::On) if expires_versions => {
            Finding::ok(VERSIONING, "on, and a lifecycle rule deletes old versions")
        }
        Setting::Known(Versioning::On) => Finding::warning(
            VERSIONING,
            "on, and nothing deletes old versions",
            "Segments are deleted once they were rewritten to history, but remain, at a cost, as old versions.",
            "Suspend versioning, or add a lifecycle rule with NoncurrentVersionExpiration of a day.",
        ),
        Setting::Unknown(why) => {
            Finding::not_known(VERSIONING, why, "If the bucket is versioned, let a rule delete noncurrent versions.")
        }
    }
}

fn object_lock(answer: Setting<bool>) -> Finding {
    match answer {
        Setting::Known(false) => Finding::ok(OBJECT_LOCK, "new objects are not locked"),
        Setting::Known(true) => Finding::warning(
            OBJECT_LOCK,
            "new objects are locked for a time",
            "Objects that compaction and retention delete cannot be freed before the lock ends.",
            "Remove the default retention from the bucket, or accept its cost.",
        ),
        Setting::Unknown(why) => {
            Finding::not_known(OBJECT_LOCK, why, "Make sure that no default retention locks new objects.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Outcome;

    fn rule(prefix: &str) -> LifecycleRule {
        LifecycleRule { is_enabled: true, prefix: prefix.into(), ..LifecycleRule::default() }
    }

    fn outcome(rule: LifecycleRule, prefix: &str) -> Outcome {
        let location = S3Location { prefix: prefix.into(), ..S3Location::new("b") };
        lifecycle(Setting::Known(vec![rule]), &location)[0].outcome
    }

    #[test]
    fn a_rule_that_deletes_or_archives_live_objects_is_a_failure() {
        let expiring = |prefix: &str| LifecycleRule { expiry: Some(Expiry::Days(30)), ..rule(prefix) };
        let moving = |to: &str| LifecycleRule { moves_to: vec![to.to_owned()], ..rule("") };
        assert_eq!(outcome(expiring(""), "p"), Outcome::Failure);
        assert_eq!(outcome(expiring("p/"), "p"), Outcome::Failure);
        assert_eq!(outcome(expiring("p/history/orders/"), "p"), Outcome::Failure);
        assert_eq!(outcome(expiring("segments/"), ""), Outcome::Failure);
        assert_eq!(outcome(moving("GLACIER"), "p"), Outcome::Failure);
        assert_eq!(outcome(moving("STANDARD_IA"), "p"), Outcome::Warning);
    }

    #[test]
    fn a_rule_that_is_disabled_or_matches_no_live_object_is_fine() {
        let expiring = |prefix: &str| LifecycleRule { expiry: Some(Expiry::Date("2030".into())), ..rule(prefix) };
        assert_eq!(outcome(expiring("logs/"), "p"), Outcome::Ok);
        assert_eq!(outcome(expiring("p/probe/"), "p"), Outcome::Ok);
        assert_eq!(outcome(LifecycleRule { is_enabled: false, ..expiring("") }, "p"), Outcome::Ok);
        assert_eq!(outcome(rule(""), "p"), Outcome::Ok);
    }

    #[test]
    fn versions_that_nothing_deletes_are_a_warning() {
        assert_eq!(versioning(Setting::Known(Versioning::On), false).outcome, Outcome::Warning);
        assert_eq!(versioning(Setting::Known(Versioning::On), true).outcome, Outcome::Ok);
        assert_eq!(versioning(Setting::Unknown("no".into()), false).outcome, Outcome::NotKnown);
    }
}
