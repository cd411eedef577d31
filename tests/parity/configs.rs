//! Configs: described, altered one by one or as a whole.

use alluvium_wire::messages::{
    alter_configs::{self, AlterConfigsRequest},
    describe_configs::{DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResponse},
    incremental_alter_configs::{AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest},
};

use crate::{
    comparison::{ANSWERED_ONCE, Intended, KAFKA_FAILS, MORE_WORDS, compare, intended, intended_in},
    side::Side,
};

/// A config, what to do with it (by Kafka's number), and its value.
type Change<'a> = (&'a str, i8, Option<&'a str>);
type Value<'a> = (&'a str, Option<&'a str>);

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

const DESCRIBED: &[Intended] = &[
    MORE_WORDS,
    intended("a topic twice", ANSWERED_ONCE),
    intended_in(
        "min.insync.replicas",
        "",
        "Kafka with eligible leader replicas sets this for the cluster; Alluvium replicates nothing",
    ),
    intended_in("config_source", "the broker", "all configs of an agent are reported as set at its start"),
    intended_in("read_only", "the broker", "they can only be set at the start"),
    intended_in("log.retention.ms", "the broker", "the default is reported in milliseconds, too"),
];
const ALTERED: &[Intended] = &[
    intended("unknown operation", KAFKA_FAILS),
    intended("negative operation", KAFKA_FAILS),
    intended("a topic twice", ANSWERED_ONCE),
];

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn configs_are_described_as_in_kafka() {
    compare(described, DESCRIBED).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn configs_are_altered_as_in_kafka() {
    compare(altered, ALTERED).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn configs_are_replaced_as_in_kafka() {
    compare(replaced, &[]).await;
}

async fn described(side: &mut Side) {
    side.topic("plain", 1, &[]).await;
    side.topic("configured", 1, &[("retention.ms", "5000"), ("cleanup.policy", "compact")]).await;
    let (plain, configured) = (side.name("plain"), side.name("configured"));
    let unknown = side.name("unknown");
    for (include_synonyms, include_documentation) in [(false, false), (true, false), (false, true), (true, true)] {
        let with = |request| DescribeConfigsRequest { include_synonyms, include_documentation, ..request };
        let asked_for = format!("synonyms {include_synonyms}, documentation {include_documentation}");
        side.all(&format!("all configs, {asked_for}"), &with(describe(&[(TOPIC, &configured, None)]))).await;
        let some = describe(&[(TOPIC, &configured, Some(&["retention.ms", "segment.bytes", "no.such.config"]))]);
        side.all(&format!("some configs, {asked_for}"), &with(some)).await;
    }
    let odd = [("retention.ms", " 5 "), ("preallocate", "TRUE"), ("cleanup.policy", "compact, delete,compact")];
    side.topic("odd", 1, &odd).await;
    let keys = odd.map(|(key, _)| key);
    side.all("odd values", &describe(&[(TOPIC, &side.name("odd"), Some(&keys))])).await;
    side.all("no keys", &describe(&[(TOPIC, &plain, Some(&[]))])).await;
    side.all("unknown topic", &describe(&[(TOPIC, &unknown, None)])).await;
    side.all("two topics", &describe(&[(TOPIC, &plain, Some(&["retention.ms"])), (TOPIC, &unknown, None)])).await;
    side.all("a topic twice", &describe(&[(TOPIC, &plain, Some(&["retention.ms"])), (TOPIC, &plain, None)])).await;
    side.all("invalid name", &describe(&[(TOPIC, "a b", None)])).await;
    side.all("no name", &describe(&[(TOPIC, "", None)])).await;
    side.all("unknown broker", &describe(&[(BROKER, "99", Some(&["log.retention.ms"]))])).await;
    side.all("no broker's number", &describe(&[(BROKER, "one", Some(&["log.retention.ms"]))])).await;
    side.all("unknown kind of resource", &describe(&[(77, &plain, None)])).await;
    side.all("resource of kind 0", &describe(&[(0, &plain, None)])).await;
    side.all("nothing", &describe(&[])).await;
    broker(side).await;
}

/// Of the broker's configs only those that both have are compared, by name.
async fn broker(side: &mut Side) {
    let keys = [
        "auto.create.topics.enable",
        "delete.topic.enable",
        "num.partitions",
        "default.replication.factor",
        "message.max.bytes",
        "log.retention.ms",
        "log.retention.hours",
        "log.retention.bytes",
        "group.min.session.timeout.ms",
        "group.max.session.timeout.ms",
        "offsets.retention.minutes",
        "socket.request.max.bytes",
        "broker.id",
        "node.id",
    ];
    let request = describe(&[(BROKER, "1", Some(&keys))]);
    let names = |answer: &mut DescribeConfigsResponse| {
        for config in answer.results.iter_mut().flat_map(|result| &mut result.configs) {
            config.synonyms.clear();
        }
    };
    side.part("the broker", &request, names).await;
}

async fn altered(side: &mut Side) {
    side.topic("altered", 1, &[]).await;
    let name = side.name("altered");
    let steps: &[(&str, &[Change<'_>])] = &[
        ("set", &[("retention.ms", SET, Some("5000"))]),
        ("set two", &[("retention.ms", SET, Some("6000")), ("retention.bytes", SET, Some("7"))]),
        ("delete", &[("retention.ms", DELETE, None)]),
        ("delete what is not set", &[("retention.ms", DELETE, None)]),
        ("delete with a value", &[("retention.bytes", DELETE, Some("7"))]),
        ("append", &[("cleanup.policy", APPEND, Some("compact"))]),
        ("append what is there", &[("cleanup.policy", APPEND, Some("compact"))]),
        ("subtract", &[("cleanup.policy", SUBTRACT, Some("delete"))]),
        ("subtract what is not there", &[("cleanup.policy", SUBTRACT, Some("delete"))]),
        ("subtract the last", &[("cleanup.policy", SUBTRACT, Some("compact"))]),
        ("append to what is no list", &[("retention.ms", APPEND, Some("1"))]),
        ("subtract from what is no list", &[("retention.ms", SUBTRACT, Some("1"))]),
        ("append to an empty list", &[("leader.replication.throttled.replicas", APPEND, Some("0:1"))]),
        ("append nonsense", &[("cleanup.policy", APPEND, Some("forget"))]),
        ("set without a value", &[("retention.ms", SET, None)]),
        ("append without a value", &[("cleanup.policy", APPEND, None)]),
        ("set nonsense", &[("retention.ms", SET, Some("soon"))]),
        ("set the unknown", &[("no.such.config", SET, Some("1"))]),
        ("delete the unknown", &[("no.such.config", DELETE, None)]),
        ("set good and bad", &[("retention.bytes", SET, Some("9")), ("retention.ms", SET, Some("soon"))]),
        ("the same twice", &[("retention.ms", SET, Some("1")), ("retention.ms", SET, Some("2"))]),
        ("set and delete the same", &[("retention.ms", SET, Some("1")), ("retention.ms", DELETE, None)]),
        ("unknown operation", &[("retention.ms", 9, Some("1"))]),
        ("negative operation", &[("retention.ms", -1, Some("1"))]),
        ("spaces around", &[("retention.ms", SET, Some(" 8000 "))]),
        ("no changes", &[]),
    ];
    for (case, changes) in steps {
        let checked = IncrementalAlterConfigsRequest { validate_only: true, ..alter(&[(TOPIC, &name, changes)]) };
        side.all(&format!("{case}, only checked"), &checked).await;
        side.all(case, &alter(&[(TOPIC, &name, changes)])).await;
        overrides(side, &format!("after {case}"), &name).await;
    }
    let change: &[Change<'_>] = &[("retention.ms", SET, Some("5000"))];
    let unknown = side.name("unknown");
    side.all("unknown topic", &alter(&[(TOPIC, &unknown, change)])).await;
    side.all("unknown and known topic", &alter(&[(TOPIC, &unknown, change), (TOPIC, &name, change)])).await;
    side.all("a topic twice", &alter(&[(TOPIC, &name, change), (TOPIC, &name, change)])).await;
    side.all("invalid name", &alter(&[(TOPIC, "a b", change)])).await;
    side.all("no name", &alter(&[(TOPIC, "", change)])).await;
    side.all("unknown kind of resource", &alter(&[(77, &name, change)])).await;
    side.all("nothing", &alter(&[])).await;
}

async fn replaced(side: &mut Side) {
    side.topic("replaced", 1, &[("retention.bytes", "5")]).await;
    let name = side.name("replaced");
    let steps: &[(&str, &[Value<'_>])] = &[
        ("with one", &[("retention.ms", Some("5000"))]),
        ("with two", &[("retention.bytes", Some("5")), ("cleanup.policy", Some("compact"))]),
        ("with nonsense", &[("retention.ms", Some("soon"))]),
        ("with the unknown", &[("no.such.config", Some("1"))]),
        ("with null", &[("retention.ms", None)]),
        ("with one twice", &[("retention.ms", Some("1")), ("retention.ms", Some("2"))]),
        ("with nothing", &[]),
    ];
    for (case, configs) in steps {
        let checked = AlterConfigsRequest { validate_only: true, ..replace(&[(TOPIC, &name, configs)]) };
        side.all(&format!("{case}, only checked"), &checked).await;
        side.all(case, &replace(&[(TOPIC, &name, configs)])).await;
        overrides(side, &format!("after {case}"), &name).await;
    }
    let configs: &[Value<'_>] = &[("retention.ms", Some("5000"))];
    side.all("unknown topic", &replace(&[(TOPIC, &side.name("unknown"), configs)])).await;
    // The same topic twice is not compared: Kafka never answers that.
    side.all("invalid name", &replace(&[(TOPIC, "a b", configs)])).await;
    side.all("no name", &replace(&[(TOPIC, "", configs)])).await;
    side.all("unknown kind of resource", &replace(&[(77, &name, configs)])).await;
}

/// What is set for the topic itself, when the change has arrived.
async fn overrides(side: &mut Side, case: &str, name: &str) {
    side.wait_for_changes().await;
    let set = |answer: &mut DescribeConfigsResponse| {
        for result in &mut answer.results {
            result.configs.retain(|config| config.config_source == 1);
            result.configs.iter_mut().for_each(|config| config.synonyms.clear());
        }
    };
    side.part_at(case, 4, &describe(&[(TOPIC, name, None)]), set).await;
}

fn describe(resources: &[(i8, &str, Option<&[&str]>)]) -> DescribeConfigsRequest {
    let resource = |(kind, name, keys): &(i8, &str, Option<&[&str]>)| DescribeConfigsResource {
        resource_type: *kind,
        resource_name: (*name).to_owned(),
        configuration_keys: keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect()),
    };
    DescribeConfigsRequest { resources: resources.iter().map(resource).collect(), ..Default::default() }
}

fn alter(resources: &[(i8, &str, &[Change<'_>])]) -> IncrementalAlterConfigsRequest {
    let config = |(name, operation, value): &(&str, i8, Option<&str>)| AlterableConfig {
        name: (*name).to_owned(),
        config_operation: *operation,
        value: value.map(str::to_owned),
    };
    let resource = |(kind, name, configs): &(i8, &str, &[Change<'_>])| AlterConfigsResource {
        resource_type: *kind,
        resource_name: (*name).to_owned(),
        configs: configs.iter().map(config).collect(),
    };
    IncrementalAlterConfigsRequest { resources: resources.iter().map(resource).collect(), validate_only: false }
}

fn replace(resources: &[(i8, &str, &[Value<'_>])]) -> AlterConfigsRequest {
    let config = |(name, value): &(&str, Option<&str>)| alter_configs::AlterableConfig {
        name: (*name).to_owned(),
        value: value.map(str::to_owned),
    };
    let resource = |(kind, name, configs): &(i8, &str, &[Value<'_>])| alter_configs::AlterConfigsResource {
        resource_type: *kind,
        resource_name: (*name).to_owned(),
        configs: configs.iter().map(config).collect(),
    };
    AlterConfigsRequest { resources: resources.iter().map(resource).collect(), validate_only: false }
}
