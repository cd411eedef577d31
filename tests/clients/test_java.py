"""Kafka's own tools, from its jars: console, topics, configs, groups, performance, verifiable clients."""

import json
import subprocess
import time
import uuid

import pytest
from conftest import COMPRESSIONS
from servers import java_command, java_tool, wait_until

pytestmark = pytest.mark.usefixtures("java")
TOOLS = "org.apache.kafka.tools"


def producer(cluster, topic, lines, *args):
    java_tool(f"{TOOLS}.ConsoleProducer", "--bootstrap-server", cluster.bootstrap, "--topic", topic,
              "--reader-property", "parse.key=true", "--reader-property", "key.separator=:", *args, stdin=lines)


def consumer(cluster, topic, count, *args) -> list[str]:
    answer = java_tool(f"{TOOLS}.consumer.ConsoleConsumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic,
                       "--from-beginning", "--max-messages", count, "--timeout-ms", 60_000,
                       "--formatter-property", "print.key=true", "--formatter-property", "print.offset=true", *args)
    return answer.splitlines()


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_the_console_gets_back_what_it_sent(cluster, new_topic, compression):
    topic, began = new_topic(), int(time.time() * 1000)
    lines = "".join(f"color:blue,number:{n}\tk{n}:v{n}\n" for n in range(300))
    producer(cluster, topic, lines, "--compression-codec", compression, "--reader-property", "parse.headers=true")
    shown = ["--formatter-property", "print.headers=true", "--formatter-property", "print.timestamp=true"]
    found = [line.split("\t") for line in consumer(cluster, topic, 300, *shown)]
    assert [rest for _, *rest in found] == [
        [f"Offset:{n}", f"color:blue,number:{n}", f"k{n}", f"v{n}"] for n in range(300)]
    assert all(began <= int(time_of.removeprefix("CreateTime:")) <= time.time() * 1000 for time_of, *_ in found)


def test_topics_are_created_described_extended_and_deleted(cluster):
    name = f"clients-java-{uuid.uuid4().hex[:8]}"

    def topics(*args):
        return java_tool(f"{TOOLS}.TopicCommand", "--bootstrap-server", cluster.bootstrap, *args)

    topics("--create", "--topic", name, "--partitions", 3, "--config", "retention.ms=1000000")
    described = topics("--describe", "--topic", name)
    assert "PartitionCount: 3" in described and "retention.ms=1000000" in described
    topics("--alter", "--topic", name, "--partitions", 5)
    assert "PartitionCount: 5" in topics("--describe", "--topic", name)
    assert name in topics("--list").split()
    topics("--delete", "--topic", name)
    assert name not in topics("--list").split()


def test_configs_are_described_and_altered(cluster, new_topic):
    topic = new_topic()

    def configs(*args):
        return java_tool("kafka.admin.ConfigCommand",
                         "--bootstrap-server", cluster.bootstrap, "--entity-type", "topics", "--entity-name", topic, *args)

    configs("--alter", "--add-config", "retention.ms=5000000,cleanup.policy=compact")
    described = configs("--describe")
    assert "retention.ms=5000000" in described and "cleanup.policy=compact" in described
    configs("--alter", "--delete-config", "retention.ms")
    assert "retention.ms=5000000" not in configs("--describe")
    assert "max.message.bytes=1048588" in configs("--describe", "--all")


def test_groups_are_listed_described_reset_and_deleted(cluster, new_topic):
    topic, group = new_topic(2), f"g-{uuid.uuid4().hex}"
    producer(cluster, topic, "".join(f"k{n}:v{n}\n" for n in range(100)))
    consumer(cluster, topic, 100, "--group", group)

    def groups(*args):
        return java_tool(f"{TOOLS}.consumer.group.ConsumerGroupCommand", "--bootstrap-server", cluster.bootstrap, *args)

    assert group in groups("--list").split()
    described = groups("--describe", "--group", group)
    lags = [line.split()[5] for line in described.splitlines() if line.startswith(group)]
    assert lags == ["0", "0"], described
    groups("--group", group, "--reset-offsets", "--to-earliest", "--execute", "--topic", topic)
    assert len(consumer(cluster, topic, 100, "--group", group)) == 100
    groups("--delete", "--group", group)
    assert group not in groups("--list").split()


def test_the_performance_tools_run(cluster, new_topic):
    topic = new_topic(3)
    answer = java_tool(f"{TOOLS}.ProducerPerformance", "--topic", topic, "--num-records", 20_000, "--record-size", 500,
                       "--throughput", -1, "--producer-props", f"bootstrap.servers={cluster.bootstrap}", "acks=all")
    assert "20000 records sent" in answer, answer
    answer = java_tool(f"{TOOLS}.ConsumerPerformance", "--bootstrap-server", cluster.bootstrap, "--topic", topic,
                       "--messages", 20_000, "--timeout", 60_000)
    assert float(answer.strip().splitlines()[-1].split(",")[4]) >= 20_000, answer


def test_the_verifiable_clients_agree(cluster, new_topic):
    topic, group = new_topic(3), f"g-{uuid.uuid4().hex}"
    answer = java_tool(f"{TOOLS}.VerifiableProducer", "--bootstrap-server", cluster.bootstrap, "--topic", topic,
                       "--max-messages", 1_000, "--acks", -1)
    events = [json.loads(line) for line in answer.splitlines()]
    sent = {(event["partition"], event["offset"]): event["value"] for event in events if event["name"] == "producer_send_success"}
    assert len(sent) == 1_000
    command = java_command(f"{TOOLS}.VerifiableConsumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic,
                           "--group-id", group, "--max-messages", 1_000, "--reset-policy", "earliest", "--verbose")
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    events = [json.loads(line) for line in answer.splitlines() if line.startswith("{")]
    found = {(event["partition"], event["offset"]): event["value"] for event in events if event["name"] == "record_data"}
    assert found == sent


class Member(subprocess.Popen):
    """A verifiable consumer whose events go to a file."""

    def __init__(self, cluster, topic, group, output):
        self.output = output
        command = java_command(f"{TOOLS}.VerifiableConsumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic,
                               "--group-id", group, "--reset-policy", "earliest", "--session-timeout", 6000, "--verbose",
                               heap="128m")
        super().__init__(command, stdout=output.open("w"), stderr=subprocess.DEVNULL)

    def events(self, name) -> list[dict]:
        # The last line may be half written, and end with a brace all the same.
        lines = self.output.read_text().split("\n")[:-1]
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in events if event["name"] == name]

    def owned(self) -> set[int]:
        assigned = self.events("partitions_assigned")
        return {part["partition"] for part in assigned[-1]["partitions"]} if assigned else set()


def test_a_group_of_three_shares_the_partitions_and_rebalances(cluster, new_topic, tmp_path):
    topic, group = new_topic(6), f"g-{uuid.uuid4().hex}"
    members = [Member(cluster, topic, group, tmp_path / f"{number}") for number in range(3)]

    def shared(among):
        owned = [member.owned() for member in among]
        return all(owned) and sum(map(len, owned)) == 6 and set.union(*owned) == set(range(6))

    def found(among):
        return {(event["partition"], event["offset"]) for member in among for event in member.events("record_data")}

    def produce():
        java_tool(f"{TOOLS}.VerifiableProducer", "--bootstrap-server", cluster.bootstrap, "--topic", topic,
                  "--max-messages", 300, "--acks", -1)

    try:
        wait_until("three members share", lambda: shared(members))
        produce()
        wait_until("all records", lambda: len(found(members)) == 300)
        members[0].terminate()
        members[0].wait(30)
        wait_until("two members share", lambda: shared(members[1:]))
        produce()
        wait_until("all records", lambda: len(found(members)) == 600)
    finally:
        for member in members:
            member.kill()
            member.wait()
    assert len(found(members)) == 600
