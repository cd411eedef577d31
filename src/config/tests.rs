use std::{path::Path, time::Duration};

use alluvium_s3::S3Location;
use clap::Parser;

use super::{
    MetastoreLocation, Options, Settings, StoreLocation,
    sources::{layer, parse, reject_unknown_variables},
};
use crate::cli::Cli;

fn flags(args: &[&str]) -> Options {
    Cli::try_parse_from([&["alluvium"], args].concat()).expect("flags parse").run.options
}

fn file(text: &str) -> Options {
    parse(text, Path::new("alluvium.toml")).expect("file parses")
}

fn settings(options: Options) -> Settings {
    Settings::try_from(options).expect("options are valid")
}

fn rejection(options: Options) -> String {
    Settings::try_from(options).expect_err("options are invalid").to_string()
}

#[test]
fn defaults_need_nothing() {
    let settings = settings(Options::default());
    assert_eq!(settings.kafka_listen.to_string(), "127.0.0.1:9092");
    assert_eq!(settings.store, StoreLocation::Local { directory: "./alluvium-data/objects".into() });
    assert_eq!(settings.metastore, MetastoreLocation::Redb("./alluvium-data/metastore".into()));
    assert_eq!((settings.agent.linger, settings.agent.uploads_in_flight_max), (Duration::from_millis(1), 2));
}

#[test]
fn flags_win_over_the_file() {
    let file = file("data-dir = \"/file\"\nlinger = \"1s\"\nnum-partitions = 7\n");
    let options = layer(&flags(&["--linger", "20ms"]), &file).expect("layers");
    let settings = settings(options);
    assert_eq!(settings.agent.linger, Duration::from_millis(20));
    assert_eq!(settings.agent.num_partitions, 7);
    assert_eq!(settings.metastore, MetastoreLocation::Redb("/file/metastore".into()));
}

#[test]
fn an_unknown_key_in_the_file_is_named() {
    let error = parse("lingre = \"1s\"", Path::new("a.toml")).expect_err("unknown key").to_string();
    assert!(error.contains("lingre") && error.contains("a.toml"), "{error}");
}

#[test]
fn an_unknown_variable_is_named_with_the_likely_correction() {
    let names = ["PATH", "ALLUVIUM_TEST_X", "ALLUVIUM_LINGRE"].map(String::from);
    let error = reject_unknown_variables(names.into_iter(), &<Cli as clap::CommandFactory>::command())
        .expect_err("unknown variable")
        .to_string();
    assert!(error.contains("ALLUVIUM_LINGRE") && error.contains("did you mean ALLUVIUM_LINGER?"), "{error}");
}

#[test]
fn a_bucket_may_have_a_prefix_an_endpoint_and_a_region() {
    let options =
        flags(&["--store", "s3://logs/a/b/", "--s3-endpoint", "http://127.0.0.1:8333", "--s3-region", "eu-1"]);
    let settings = settings(options);
    assert_eq!(
        settings.store,
        StoreLocation::S3(S3Location {
            bucket: "logs".into(),
            prefix: "a/b".into(),
            endpoint: Some("http://127.0.0.1:8333".into()),
            region: Some("eu-1".into()),
            path_style: true,
            allow_http: true,
        })
    );
    assert_eq!((settings.agent.linger, settings.agent.uploads_in_flight_max), (Duration::from_millis(250), 8));
}

#[test]
fn the_metastore_may_be_foundationdb() {
    let fdb = |file: Option<&str>, prefix: &str| MetastoreLocation::Fdb {
        cluster_file: file.map(Into::into),
        prefix: prefix.into(),
        library: None,
    };
    for (args, expected) in [
        (["--metastore", "fdb:///etc/fdb.cluster"].as_slice(), fdb(Some("/etc/fdb.cluster"), "alluvium")),
        (&["--metastore", "fdb://fdb.cluster"], fdb(Some("fdb.cluster"), "alluvium")),
        (&["--metastore", "fdb:"], fdb(None, "alluvium")),
        (&["--metastore", "fdb:", "--metastore-prefix", "other"], fdb(None, "other")),
        (&["--metastore", "redb:/var/lib/m"], MetastoreLocation::Redb("/var/lib/m".into())),
    ] {
        assert_eq!(settings(flags(args)).metastore, expected, "{args:?}");
    }
    assert!(rejection(flags(&["--metastore", "fdb:", "--metastore-prefix", ""])).contains("between 1 and 64 bytes"));
}

#[test]
fn a_zone_is_a_rack() {
    assert_eq!(settings(flags(&["--zone", "a"])).rack, settings(flags(&["--rack", "a"])).rack);
}

#[test]
fn an_invalid_value_is_rejected_with_its_option_and_reason() {
    for (args, expected) in [
        (["--store", "gs://bucket"], "--store gs://bucket: \"gs://bucket\" is neither"),
        (["--store", "s3:///x"], "names no bucket"),
        (["--metastore", "etcd:host"], "expected redb:DIR, or fdb:///path/to/fdb.cluster"),
        (["--http-advertised", ":80"], "--http-advertised :80: "),
        (["--kafka-listen", "nonsense"], "--kafka-listen nonsense: "),
        (["--kafka-advertised", "host"], "expected HOST:PORT"),
        (["--store-timeout", "1ms"], "--store-timeout 1ms: must be at least 100ms"),
        (["--segment-bytes", "1kB"], "between 64KiB and 64MiB"),
        (["--num-partitions", "0"], "--num-partitions 0: "),
        (["--orphan-age", "1min"], "--orphan-age 1m: must be over 10min"),
        (["--group-min-session-timeout", "1h"], "is longer than --group-max-session-timeout"),
        (["--heartbeat-interval", "10ms"], "must be at least 50ms"),
        (["--heartbeat-interval", "1s"], "--heartbeat-expiry 2s: must be at least four times"),
        (["--heartbeat-expiry", "2min"], "must be at most 1min"),
        (["--unflushed-bytes", "1MiB"], "must hold at least one segment"),
    ] {
        let error = rejection(flags(&args));
        assert!(error.contains(expected), "{args:?}: {error}");
    }
}

#[test]
fn the_commands_are_consistent() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn defaults_of_the_binary_stay_as_they_are() {
    let Settings { agent, compactor, store_retry, drain_timeout, session, .. } = settings(Options::default());
    let (seconds, hours) = (Duration::from_secs, |hours: u64| Duration::from_secs(hours * 3_600));
    assert_eq!((agent.topic_delete_grace, agent.cache_bytes, agent.connections_max), (seconds(0), 256 << 20, 10_000));
    assert_eq!((agent.segment_bytes_max, agent.num_partitions, agent.auto_create_topics), (8 << 20, 1, true));
    assert_eq!((agent.group_session_timeout_min, agent.group_session_timeout_max), (seconds(6), seconds(1_800)));
    assert_eq!((agent.group_initial_rebalance_delay, agent.offsets_retention), (seconds(3), hours(168)));
    assert_eq!((compactor.interval, compactor.compact_age_max), (seconds(10), seconds(300)));
    assert_eq!((compactor.compact_bytes_min, compactor.file_bytes_target), (32 << 20, 128 << 20));
    assert_eq!((compactor.retire_grace, compactor.orphan_age), (seconds(600), hours(24)));
    assert_eq!((compactor.offsets_retention, agent.retire_grace), (hours(168), seconds(600)));
    assert_eq!((session.heartbeat_interval, session.expiry), (Duration::from_millis(400), seconds(2)));
    assert_eq!((store_retry.deadline, drain_timeout), (seconds(20), seconds(300)));
}

#[test]
fn options_of_the_compactor_reach_its_configuration() {
    let args = [
        "--offsets-retention",
        "1h",
        "--retire-grace",
        "2h",
        "--orphan-age",
        "50h",
        "--compaction-interval",
        "3s",
        "--retention-check-interval",
        "4s",
    ];
    let config = settings(flags(&args)).compactor;
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    assert_eq!(config.offsets_retention, hours(1));
    assert_eq!(config.retention_check_interval, Duration::from_secs(4));
    assert_eq!((config.retire_grace, config.orphan_age), (hours(2), hours(50)));
    assert_eq!(config.interval, Duration::from_secs(3));
}
