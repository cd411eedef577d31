"""MirrorMaker 2 between Apache Kafka and Alluvium, both ways, with the offsets of groups. Needs `ALLUVIUM_TEST_LONG`."""

import time
import uuid
from pathlib import Path

import pytest
from conftest import LONG, STORES
from confluent_kafka import Consumer, Producer, TopicPartition
from processes import Program
from reading import committed, create_topics
from servers import ShortSessionsKafka, free_port, java_command, wait_until

pytestmark = [pytest.mark.usefixtures("java"),
              pytest.mark.skipif(not LONG, reason="two servers and a mirror take a minute: ALLUVIUM_TEST_LONG=1"),
              pytest.mark.skipif(STORES == ["kafka"], reason="mirrors between Kafka and Alluvium, whatever the target")]
SECONDS = 180
PARTITIONS = 3
# Retention deletes records that are older.
NOW_MS = int(time.time() * 1000)


class Mirror(Program):
    """MirrorMaker in a process of its own, exactly once."""

    def __init__(self, directory: Path, kafka, alluvium):
        directory.mkdir(parents=True)
        properties = directory / "mirror.properties"
        properties.write_text("\n".join([
            "clusters=kafka,alluvium", f"kafka.bootstrap.servers={kafka.bootstrap}",
            f"alluvium.bootstrap.servers={alluvium.bootstrap}", "kafka->alluvium.enabled=true", "alluvium->kafka.enabled=true",
            "topics=mirrored-.*", "groups=group-.*", "replication.factor=1", "tasks.max=2",
            *(f"{kind}.topic.replication.factor=1" for kind in ("checkpoints", "heartbeats", "offset-syncs")),
            *(f"{kind}.storage.replication.factor=1" for kind in ("config", "offset", "status")),
            "sync.group.offsets.enabled=true", "sync.group.offsets.interval.seconds=1", "emit.checkpoints.interval.seconds=1",
            "refresh.topics.interval.seconds=2", "refresh.groups.interval.seconds=2", "offset.lag.max=0",
            "scheduled.rebalance.max.delay.ms=0", "session.timeout.ms=3000", "heartbeat.interval.ms=500",
            "dedicated.mode.enable.internal.rest=true", f"listeners=http://127.0.0.1:{free_port()}",
            "plugin.discovery=service_load",
            *(f"{cluster}.{setting}" for cluster in ("kafka", "alluvium") for setting in (
                "consumer.isolation.level=read_committed", "exactly.once.source.support=enabled")), ""]))
        super().__init__(directory, java_command("org.apache.kafka.connect.mirror.MirrorMaker", properties, heap="384m"))


def fill(server, topic: str, first: int, count: int):
    """In transactions, every third of which is aborted, so that offsets on both sides differ."""
    producer = Producer({"bootstrap.servers": server.bootstrap, "transactional.id": f"fill-{topic}"})
    producer.init_transactions(SECONDS)
    for begin in range(first, first + count, 50):
        for commits in (False, True):
            producer.begin_transaction()
            for number in range(begin, begin + 50):
                producer.produce(topic, str(number), f"key{number}", partition=number % PARTITIONS, timestamp=NOW_MS + number,
                                 headers=[("number", str(number)), ("number", b"again")])
            if commits:
                producer.commit_transaction(SECONDS)
            elif begin % 150 == 0:
                producer.flush(SECONDS)
                producer.abort_transaction(SECONDS)
            else:
                producer.abort_transaction(SECONDS)


def contents(server, topic: str) -> list:
    return [(message.partition(), message.key(), message.value(), message.timestamp(), message.headers())
            for message in committed(server, topic)]


def consume(server, group: str, topic: str, count: int):
    """Reads so many records as a member of the group, and commits."""
    consumer = Consumer({"bootstrap.servers": server.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False, "isolation.level": "read_committed"})
    consumer.subscribe([topic])
    values = []

    def enough():
        values.extend(message.value() for message in consumer.consume(min(50, count - len(values)), timeout=0.5)
                      if not message.error())
        return len(values) >= count

    try:
        wait_until(f"{count} records of {topic}", enough, SECONDS)
        consumer.commit(asynchronous=False)
    finally:
        consumer.close()
    return [int(value) for value in values]


def offsets(server, group: str, topic: str) -> list[int]:
    consumer = Consumer({"bootstrap.servers": server.bootstrap, "group.id": group})
    try:
        asked = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        return [partition.offset for partition in consumer.committed(asked, SECONDS)]
    finally:
        consumer.close()


def test_topics_and_groups_are_mirrored_both_ways(own_server, tmp_path):
    kafka = ShortSessionsKafka(tmp_path / "kafka").start()
    mirror = Mirror(tmp_path / "mirror", kafka, own_server)
    try:
        both = [("kafka", kafka, own_server), ("alluvium", own_server, kafka)]
        topics = {name: f"mirrored-{name}-{uuid.uuid4().hex[:6]}" for name, _, _ in both}
        for name, origin, _ in both:
            create_topics(origin, PARTITIONS, topics[name])
            fill(origin, topics[name], 0, 300)
        mirror.start()
        for name, origin, target in both:
            mirrored(name, topics[name], origin, target)
        read = {name: consume(origin, f"group-{name}", topics[name], 200) for name, origin, _ in both}
        for name, _, target in both:
            wait_until(f"the group's offsets, from {name}", lambda: any(
                offset > 0 for offset in offsets(target, f"group-{name}", f"{name}.{topics[name]}")), SECONDS, mirror.alive)
        mirror.kill()
        for name, origin, _ in both:
            fill(origin, topics[name], 300, 300)
        own_server.kill()
        own_server.start()
        mirror.start()
        for name, origin, target in both:
            mirrored(name, topics[name], origin, target)
            # The group goes on where it was or before, so that nothing is lost.
            rest = set(range(600)) - set(read[name])
            assert rest <= set(follow(target, f"group-{name}", f"{name}.{topics[name]}", rest)), name
        print(f"600 records each way; offsets {[offsets(target, f'group-{name}', f'{name}.{topics[name]}') for name, _, target in both]}")
    finally:
        mirror.kill()
        kafka.stop()


def follow(server, group: str, topic: str, until: set) -> set:
    """What a member of the group reads until it has seen all of `until`."""
    consumer = Consumer({"bootstrap.servers": server.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                         "isolation.level": "read_committed", "enable.auto.commit": False})
    consumer.subscribe([topic])
    found = set()

    def whole():
        for message in consumer.consume(100, timeout=0.5):
            assert not message.error(), message.error()
            found.add(int(message.value()))
        return found >= until

    try:
        wait_until("the rest", whole, SECONDS)
    finally:
        consumer.close()
    assert len(found) < 600, "the group has begun anew"
    return found


def mirrored(name: str, topic: str, origin, target):
    expected = contents(origin, topic)

    def is_whole():
        try:
            found = contents(target, f"{name}.{topic}")
        except KeyError:
            return False
        return len(found) >= len(expected)

    wait_until(f"the mirror of {topic}", is_whole, SECONDS)
    assert contents(target, f"{name}.{topic}") == expected, name
