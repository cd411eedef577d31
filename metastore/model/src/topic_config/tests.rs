//! What configs, alterations and names are accepted, and what they come to mean.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn overrides(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn alteration(name: &str, op: AlterOp) -> Alteration {
    Alteration { name: name.to_owned(), op }
}

#[test]
fn the_table_is_sorted_and_every_default_is_legal() {
    assert!(DEFINITIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
    for def in &DEFINITIONS {
        assert_eq!(validate_value(def.name, def.default), Ok(()), "{}", def.name);
        assert!(!def.doc.is_empty());
    }
}

#[test]
fn a_topic_without_overrides_has_kafkas_defaults() {
    let configs = TopicConfigs::default();
    assert_eq!(configs, TopicConfigs::parse(&BTreeMap::new()).unwrap());
    assert_eq!(configs.retention, Some(Duration::from_secs(7 * 24 * 3600)));
    assert_eq!(configs.retention_bytes, None);
    assert_eq!(configs.max_message_bytes, 1_048_588);
    assert_eq!(configs.timestamp_type, TimestampType::CreateTime);
    assert_eq!(configs.timestamp_after_max, Duration::from_secs(3600));
    assert_eq!(configs.timestamp_before_max, Duration::from_millis(i64::MAX as u64));
    assert_eq!(configs.cleanup, CleanupPolicy { delete: true, compact: false });
    assert_eq!(configs.compression, CompressionType::Producer);
}

#[test]
fn overrides_are_read_as_kafka_reads_them() {
    let configs = TopicConfigs::parse(&overrides(&[
        ("cleanup.policy", " compact , delete "),
        ("retention.ms", " -1"),
        ("retention.bytes", "1000"),
        ("message.timestamp.type", "LogAppendTime"),
        ("preallocate", "TRUE"),
        ("compression.type", "zstd"),
    ]))
    .unwrap();
    assert_eq!(configs.cleanup, CleanupPolicy { delete: true, compact: true });
    assert_eq!((configs.retention, configs.retention_bytes), (None, Some(1000)));
    assert_eq!(configs.timestamp_type, TimestampType::LogAppendTime);
    assert_eq!(configs.compression, CompressionType::Zstd);
}

#[test]
fn an_illegal_value_is_refused_and_named() {
    for (name, value) in [
        ("retention.ms", "-2"),
        ("retention.ms", "week"),
        ("retention.ms", ""),
        ("max.message.bytes", "3000000000"),
        ("cleanup.policy", "shred"),
        ("cleanup.policy", "delete,"),
        ("compression.type", "brotli"),
        ("compression.gzip.level", "0"),
        ("compression.lz4.level", "18"),
        ("min.cleanable.dirty.ratio", "1.5"),
        ("min.cleanable.dirty.ratio", "NaN"),
        ("preallocate", "yes"),
        ("message.timestamp.type", "createtime"),
        ("min.insync.replicas", "0"),
        ("leader.replication.throttled.replicas", "1:2,x"),
    ] {
        let error = TopicConfigs::parse(&overrides(&[(name, value)])).unwrap_err();
        assert!(matches!(&error, ConfigError::Invalid { name: named, .. } if named == name), "{name}={value}: {error}");
        assert!(error.to_string().contains(name));
    }
    assert_eq!(
        TopicConfigs::parse(&overrides(&[("retention", "1")])),
        Err(ConfigError::Unknown { name: "retention".into() })
    );
}

#[test]
fn compaction_lags_must_go_together() {
    let error = TopicConfigs::parse(&overrides(&[("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")]))
        .unwrap_err();
    assert!(matches!(error, ConfigError::Conflict { .. }), "{error}");
}

#[test]
fn a_stored_override_that_is_not_understood_counts_as_absent() {
    let configs =
        TopicConfigs::of_stored(&overrides(&[("retention.ms", "x"), ("new.config", "1"), ("retention.bytes", "5")]));
    assert_eq!(configs, TopicConfigs { retention_bytes: Some(5), ..TopicConfigs::default() });
}

#[test]
fn set_and_delete_change_one_override_each() {
    let before = overrides(&[("retention.ms", "5")]);
    let set = alteration("retention.bytes", AlterOp::Set("7".into()));
    let delete = alteration("retention.ms", AlterOp::Delete);
    assert_eq!(
        changes(&before, &[set, delete]),
        Ok(vec![("retention.bytes".into(), Some("7".into())), ("retention.ms".into(), None)])
    );
}

#[test]
fn deleting_what_does_not_exist_changes_nothing() {
    assert_eq!(changes(&BTreeMap::new(), &[alteration("no.such", AlterOp::Delete)]), Ok(Vec::new()));
}

#[test]
fn a_value_is_shown_as_it_was_understood() {
    for (name, value, shown) in [
        ("retention.ms", " 5 ", "5"),
        ("preallocate", "TRUE", "true"),
        ("cleanup.policy", "compact, delete,compact", "compact,delete"),
        ("compression.type", "zstd ", "zstd"),
        ("min.cleanable.dirty.ratio", " 0.5", "0.5"),
    ] {
        assert_eq!(canonical(definition(name).unwrap(), value), shown);
    }
}

#[test]
fn append_and_subtract_work_on_the_list_in_force() {
    let append = alteration("cleanup.policy", AlterOp::Append("compact,delete".into()));
    let both = changes(&BTreeMap::new(), &[append]).unwrap();
    assert_eq!(both, [("cleanup.policy".to_owned(), Some("delete,compact".to_owned()))]);
    let subtract = alteration("cleanup.policy", AlterOp::Subtract("delete".into()));
    let one = changes(&both.into_iter().map(|(name, value)| (name, value.unwrap())).collect(), &[subtract]).unwrap();
    assert_eq!(one, [("cleanup.policy".to_owned(), Some("compact".to_owned()))]);
}

#[test]
fn an_alteration_that_does_not_suit_its_config_is_refused() {
    let error = |alteration| changes(&BTreeMap::new(), &[alteration]).unwrap_err();
    assert_eq!(
        error(alteration("retention.ms", AlterOp::Append("1".into()))),
        ConfigError::NotAList { name: "retention.ms".into(), verb: "APPEND" }
    );
    let set = AlterOp::Set("1".into());
    assert_eq!(error(alteration("no.such", set)), ConfigError::Unknown { name: "no.such".into() });
    assert!(matches!(error(alteration("retention.ms", AlterOp::Set("x".into()))), ConfigError::Invalid { .. }));
}

proptest! {
    #[test]
    fn no_text_makes_a_config_panic(at in 0..DEFINITIONS.len(), value in ".{0,40}", op in 0..4) {
        let op = match op {
            0 => AlterOp::Set(value),
            1 => AlterOp::Delete,
            2 => AlterOp::Append(value),
            _ => AlterOp::Subtract(value),
        };
        let result = changes(&BTreeMap::new(), &[alteration(DEFINITIONS[at].name, op)]);
        if let Ok(made) = result {
            let after = made.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            prop_assert!(TopicConfigs::parse(&after).is_ok());
        }
    }
}
