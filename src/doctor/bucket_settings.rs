//! What the bucket does to its objects by itself: a lifecycle rule that deletes what is live loses records.

use alluvium_model::object_key::{HISTORY, SEGMENTS};
use alluvium_objects::{Answer, BucketSettings, Expiry, LifecycleRule, S3Location, StoreLocation, Versioning};
use anyhow::Result;

use super::{bucket::trouble, finding::Finding, run::Findings};
use crate::config::Settings;

const LIFECYCLE: &str = "bucket.lifecycle";
const VERSIONING: &str = "bucket.versioning";
const OBJECT_LOCK: &str = "bucket.object-lock";

/// Asks the bucket, where there is one.
///
/// # Errors
/// Where findings cannot be shown.
pub async fn check(settings: &Settings, findings: &mut Findings) -> Result<()> {
    let StoreLocation::S3(location) = &settings.store else { return Ok(()) };
    let bucket = match BucketSettings::of(location).await {
        Ok(bucket) => bucket,
        Err(error) => return findings.add(trouble(LIFECYCLE, &settings.store, &error)),
    };
    let rules = bucket.lifecycle().await;
    let expires_versions = matches!(&rules, Answer::Known(rules) if rules.iter().any(|rule| rule.expires_versions));
    for finding in lifecycle(rules, location) {
        findings.add(finding)?;
    }
    findings.add(versioning(bucket.versioning().await, expires_versions))?;
    findings.add(object_lock(bucket.locks_new_objects().await))
}

/// One finding for each rule that does harm; one that there is none.
fn lifecycle(rules: Answer<Vec<LifecycleRule>>, location: &S3Location) -> Vec<Finding> {
    let rules = match rules {
        Answer::Known(rules) => rules,
        Answer::NotKnown(why) => {
            return vec![Finding::not_known(
                LIFECYCLE,
                why,
                "Make sure by other means that no lifecycle rule deletes or archives objects below segments/ and history/.",
            )];
        }
    };
    let live = live_prefixes(location);
    let touching = rules.iter().filter(|rule| live.iter().any(|prefix| rule.touches(prefix)));
    let found: Vec<Finding> = touching.filter_map(harm).collect();
    if found.is_empty() {
        let fine = format!("{} rules, none of which deletes or archives what is live", rules.len());
        return vec![Finding::ok(LIFECYCLE, fine).with("rules", rules.len())];
    }
    found
}

/// Where objects lie that are in use for as long as their records.
fn live_prefixes(location: &S3Location) -> [String; 2] {
    let within = |folder: &str| match location.prefix.as_str() {
        "" => folder.to_owned(),
        prefix => format!("{prefix}/{folder}"),
    };
    [within(SEGMENTS), within(HISTORY)]
}

/// What a rule that touches live objects does to them; none where that is harmless.
fn harm(rule: &LifecycleRule) -> Option<Finding> {
    let name = format!("rule {:?} on prefix {:?}", rule.id, rule.prefix);
    let change = "Disable it, or narrow its prefix so that it touches neither segments/ nor history/ of this store. \
                  Retention is set by topic (retention.ms, retention.bytes).";
    let finding = if let Some(expiry) = &rule.expiry {
        let when = match expiry {
            Expiry::Days(days) => format!("{days} days after they were written"),
            Expiry::Date(date) => format!("on {date}"),
        };
        let means = "Acknowledged records disappear while their offsets are still there: consumers cannot pass them.";
        Finding::failure(LIFECYCLE, format!("{name} deletes live objects {when}"), means, change)
    } else if rule.archives() {
        let means = "Archived objects cannot be read until they are restored: consumers of old records stand still.";
        Finding::failure(
            LIFECYCLE,
            format!("{name} archives live objects ({})", rule.moves_to.join(", ")),
            means,
            change,
        )
    } else if rule.moves_to.is_empty() {
        return None;
    } else {
        let means = "Reads still work; each costs more, and objects that live shorter than the class's minimum are paid for it.";
        let found = format!("{name} moves live objects to {}", rule.moves_to.join(", "));
        Finding::warning(LIFECYCLE, found, means, "Keep it only if old records are hardly ever read.")
    };
    Some(finding)
}

fn versioning(answer: Answer<Versioning>, expires_versions: bool) -> Finding {
    match answer {
        Answer::Known(Versioning::Off) => Finding::ok(VERSIONING, "off: what is deleted is gone"),
        Answer::Known(Versioning::On) if expires_versions => {
            Finding::ok(VERSIONING, "on, and a lifecycle rule deletes old versions")
        }
        Answer::Known(Versioning::On) => Finding::warning(
            VERSIONING,
            "on, and nothing deletes old versions",
            "Every segment is deleted once it has become history; its bytes stay, and are paid for, as an old version.",
            "Suspend versioning, or add a lifecycle rule with NoncurrentVersionExpiration of a day.",
        ),
        Answer::NotKnown(why) => {
            Finding::not_known(VERSIONING, why, "If the bucket is versioned, let a rule delete noncurrent versions.")
        }
    }
}

fn object_lock(answer: Answer<bool>) -> Finding {
    match answer {
        Answer::Known(false) => Finding::ok(OBJECT_LOCK, "new objects are not locked"),
        Answer::Known(true) => Finding::warning(
            OBJECT_LOCK,
            "new objects are locked for a time",
            "What compaction and retention give up cannot be freed before the lock ends.",
            "Take the default retention off the bucket, or accept its cost.",
        ),
        Answer::NotKnown(why) => {
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
        lifecycle(Answer::Known(vec![rule]), &location)[0].outcome
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
    fn a_rule_elsewhere_or_off_or_that_only_ends_uploads_is_fine() {
        let expiring = |prefix: &str| LifecycleRule { expiry: Some(Expiry::Date("2030".into())), ..rule(prefix) };
        assert_eq!(outcome(expiring("logs/"), "p"), Outcome::Ok);
        assert_eq!(outcome(expiring("p/probe/"), "p"), Outcome::Ok);
        assert_eq!(outcome(LifecycleRule { is_enabled: false, ..expiring("") }, "p"), Outcome::Ok);
        assert_eq!(outcome(rule(""), "p"), Outcome::Ok);
    }

    #[test]
    fn versions_that_nothing_deletes_are_a_warning() {
        assert_eq!(versioning(Answer::Known(Versioning::On), false).outcome, Outcome::Warning);
        assert_eq!(versioning(Answer::Known(Versioning::On), true).outcome, Outcome::Ok);
        assert_eq!(versioning(Answer::NotKnown("no".into()), false).outcome, Outcome::NotKnown);
    }
}
