//! Lifecycle rules: which objects a rule applies to, and what it does to them.

use super::xml;

/// Storage classes whose objects must be restored, which takes minutes or hours, before they can be read.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// One lifecycle rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LifecycleRule {
    /// The rule's id; may be empty.
    pub id: String,
    /// Whether the rule is enabled.
    pub is_enabled: bool,
    /// The rule applies to objects whose keys (in the bucket, with our prefix) begin with this.
    pub prefix: String,
    /// Whether the rule applies only to objects with some tag; ours have none.
    pub needs_tag: bool,
    /// When the rule deletes objects; `None`: never.
    pub expiry: Option<Expiry>,
    /// Storage classes that the rule moves objects to.
    pub moves_to: Vec<String>,
    /// Whether the rule deletes older versions.
    pub expires_versions: bool,
}

/// When a rule deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Days after an object was written.
    Days(u32),
    /// On a date, all objects at once.
    Date(String),
}

impl LifecycleRule {
    /// Whether the rule is enabled and applies to some or all objects without tags whose keys begin with `prefix`.
    #[must_use]
    pub fn touches(&self, prefix: &str) -> bool {
        let overlaps = prefix.starts_with(&self.prefix) || self.prefix.starts_with(prefix);
        self.is_enabled && !self.needs_tag && overlaps
    }

    /// Whether the rule moves objects to a storage class from which they cannot be read at once.
    #[must_use]
    pub fn archives(&self) -> bool {
        self.moves_to.iter().any(|class| ARCHIVES.contains(&class.as_str()))
    }
}

impl From<&xml::RuleElement> for LifecycleRule {
    fn from(rule: &xml::RuleElement) -> Self {
        let filter = rule.filter.as_ref();
        let both = filter.and_then(|filter| filter.and.as_ref());
        let prefixes = [
            both.and_then(|and| and.prefix.as_ref()),
            filter.and_then(|filter| filter.prefix.as_ref()),
            rule.prefix.as_ref(),
        ];
        let expiry = rule.expiration.as_ref().and_then(|expiration| {
            let on = expiration.date.clone().map(Expiry::Date);
            expiration.days.map(Expiry::Days).or(on)
        });
        Self {
            id: rule.id.clone().unwrap_or_default(),
            is_enabled: rule.status == "Enabled",
            prefix: prefixes.into_iter().flatten().next().cloned().unwrap_or_default(),
            needs_tag: filter.is_some_and(|filter| filter.tag.is_some())
                || both.is_some_and(|and| !and.tags.is_empty()),
            expiry,
            moves_to: rule.transitions.iter().map(|transition| transition.storage_class.clone()).collect(),
            expires_versions: rule.noncurrent_version_expiration.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(xml: &str) -> Vec<LifecycleRule> {
        let whole = format!(
            "<?xml version=\"1.0\"?><LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{xml}\
             </LifecycleConfiguration>"
        );
        let parsed: xml::Lifecycle = quick_xml::de::from_str(&whole).unwrap();
        parsed.rules.iter().map(LifecycleRule::from).collect()
    }

    #[test]
    fn every_form_of_a_prefix_is_understood() {
        for filter in [
            "<Prefix>logs/</Prefix>",
            "<Filter><Prefix>logs/</Prefix></Filter>",
            "<Filter><And><Prefix>logs/</Prefix><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></And></Filter>",
        ] {
            let text = format!(
                "<Rule><ID>r</ID>{filter}<Status>Enabled</Status><Expiration><Days>7</Days></Expiration></Rule>"
            );
            let expected = LifecycleRule {
                id: "r".to_owned(),
                is_enabled: true,
                prefix: "logs/".to_owned(),
                expiry: Some(Expiry::Days(7)),
                ..LifecycleRule::default()
            };
            assert_eq!(rules(&text), [expected], "{filter}");
        }
    }

    #[test]
    fn a_rule_touches_what_lies_below_its_prefix_and_what_its_prefix_lies_below() {
        let rule = |filter: &str, status: &str| {
            rules(&format!("<Rule>{filter}<Status>{status}</Status><Expiration><Date>2027</Date></Expiration></Rule>"))
                .remove(0)
        };
        for (filter, touched) in [
            ("", true),
            ("<Filter/>", true),
            ("<Filter><Prefix>p/</Prefix></Filter>", true),
            ("<Filter><Prefix>p/segments/0</Prefix></Filter>", true),
            ("<Filter><Prefix>p/history/</Prefix></Filter>", false),
            ("<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>", false),
            ("<Filter><And><Prefix></Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter>", false),
        ] {
            assert_eq!(rule(filter, "Enabled").touches("p/segments/"), touched, "{filter}");
            assert!(!rule(filter, "Disabled").touches("p/segments/"), "{filter}");
        }
    }

    #[test]
    fn removing_delete_markers_is_no_expiry_and_archives_are_known() {
        let text = "<Rule><Status>Enabled</Status><Expiration>\
                    <ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>\
                    <NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>\
                    <Transition><Days>1</Days><StorageClass>STANDARD_IA</StorageClass></Transition>\
                    <Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>";
        let rule = rules(text).remove(0);
        assert_eq!((rule.expiry.clone(), rule.archives(), rule.expires_versions), (None, true, true));
        assert!(rules("").is_empty());
    }
}
