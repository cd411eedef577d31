"""confluent-kafka-python (librdkafka): every record with every compression, groups, admin."""

import threading
import uuid

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, OffsetSpec, ResourceType
from conftest import COMPRESSIONS
from records import Record, differences, sample
from servers import wait_until


def produce(cluster, topic, records, **config):
    failures = []
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "enable.idempotence": True, "linger.ms": 5, **config})
    for record in records:
        producer.produce(topic, key=record.key, value=record.value, partition=record.partition, timestamp=record.timestamp,
                         headers=list(record.headers), on_delivery=lambda error, _: error and failures.append(error))
        producer.poll(0)
    assert producer.flush(60) == 0
    assert not failures, failures[:3]


def record_of(message) -> Record:
    headers = tuple((name, value) for name, value in message.headers() or ())
    return Record(message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value(), headers)


def consume(cluster, topic, count, partitions=(0,), **config) -> list[Record]:
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": f"g-{uuid.uuid4().hex}",
                         "auto.offset.reset": "earliest", "enable.auto.commit": False, **config})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    found = []

    def enough():
        for message in consumer.consume(1000, timeout=0.2):
            assert message.error() is None, message.error()
            found.append(record_of(message))
        return len(found) >= count

    try:
        wait_until(f"{count} records", enough)
    finally:
        consumer.close()
    return found


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_records_come_back_as_they_were_sent(cluster, new_topic, compression):
    topic, records = new_topic(), sample()
    produce(cluster, topic, records, **{"compression.type": compression})
    assert differences(records, consume(cluster, topic, len(records))) == []


def test_log_append_time_replaces_the_producers_time(cluster, new_topic):
    topic = new_topic(**{"message.timestamp.type": "LogAppendTime"})
    produce(cluster, topic, sample(10), **{"compression.type": "lz4"})
    found = consume(cluster, topic, 10)
    assert all(record.timestamp > 1_750_000_000_000 for record in found)
    assert [record.value for record in found] == [record.value for record in sample(10)]


def test_an_oversize_message_is_refused_by_the_broker(cluster, new_topic):
    topic = new_topic(**{"max.message.bytes": "1000"})
    producer = Producer({"bootstrap.servers": cluster.bootstrap})
    errors = []
    producer.produce(topic, b"x" * 5000, on_delivery=lambda error, _: errors.append(error))
    producer.flush(30)
    assert errors[0].code() == KafkaError.MSG_SIZE_TOO_LARGE


class Member(threading.Thread):
    """A group member that consumes until told to stop."""

    def __init__(self, cluster, topic, group, **config):
        super().__init__(daemon=True)
        self.consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                                  "enable.auto.commit": False, "session.timeout.ms": 6000, **config})
        self.consumer.subscribe([topic])
        self.owned, self.found, self.stopping = set(), [], threading.Event()
        self.start()

    def run(self):
        while not self.stopping.is_set():
            message = self.consumer.poll(0.1)
            self.owned = {part.partition for part in self.consumer.assignment()}
            if message is not None and message.error() is None:
                self.found.append(record_of(message))
                self.consumer.commit(message, asynchronous=False)
        self.consumer.close()

    def stop(self):
        self.stopping.set()
        self.join(30)


@pytest.mark.parametrize("assignor", ["range", "cooperative-sticky"])
def test_a_group_of_three_shares_the_partitions_and_rebalances(cluster, new_topic, assignor):
    topic, group = new_topic(6), f"g-{uuid.uuid4().hex}"
    members = [Member(cluster, topic, group, **{"partition.assignment.strategy": assignor}) for _ in range(3)]

    def shared(among):
        owned = [member.owned for member in among]
        return all(owned) and sum(map(len, owned)) == 6 and set.union(*owned) == set(range(6))

    try:
        wait_until("three members share", lambda: shared(members))
        records = [Record(n % 6, n // 6, 1_700_000_000_000 + n, b"k", b"v-%d" % n) for n in range(60)]
        produce(cluster, topic, records)
        wait_until("all records", lambda: sum(len(member.found) for member in members) >= 60)
        members[0].stop()
        wait_until("two members share", lambda: shared(members[1:]))
        produce(cluster, topic, [Record(n % 6, 10 + n // 6, 1_700_000_001_000 + n, b"k", b"w-%d" % n) for n in range(60)])
        wait_until("all records", lambda: sum(len(member.found) for member in members) >= 120)
    finally:
        for member in members:
            member.stop()
    found = sorted((record.partition, record.offset) for member in members for record in member.found)
    assert found == [(partition, offset) for partition in range(6) for offset in range(20)]


def test_a_group_resumes_where_it_committed(cluster, new_topic, admin):
    topic, group = new_topic(), f"g-{uuid.uuid4().hex}"
    produce(cluster, topic, sample(50))
    config = {"bootstrap.servers": cluster.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
              "enable.auto.commit": False}

    def read(count):
        consumer, found = Consumer(config), []
        consumer.subscribe([topic])

        def enough():
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                found.append(message.offset())
                consumer.commit(message, asynchronous=False)
            return len(found) >= count

        wait_until(f"{count} records", enough)
        consumer.close()
        return found

    assert read(20) == list(range(20))
    assert read(30) == list(range(20, 50))
    description = admin.describe_consumer_groups([group])[group].result(30)
    assert description.state.name in ("EMPTY", "DEAD", "STABLE")
    assert any(listing.group_id == group for listing in admin.list_consumer_groups().result(30).valid)
    wait_until("the group is empty", lambda: admin.describe_consumer_groups([group])[group].result(30).state.name == "EMPTY")
    admin.delete_consumer_groups([group])[group].result(30)


def test_topics_are_described_altered_extended_and_deleted(cluster, new_topic, admin):
    topic = new_topic(2, **{"retention.ms": "3600000"})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    configs = admin.describe_configs([resource])[resource].result(30)
    assert configs["retention.ms"].value == "3600000" and not configs["retention.ms"].is_default
    assert configs["cleanup.policy"].value == "delete" and configs["cleanup.policy"].is_default
    change = ConfigEntry("max.message.bytes", "2000", incremental_operation=AlterConfigOpType.SET)
    altered = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])
    admin.incremental_alter_configs([altered])[altered].result(30)
    assert admin.describe_configs([resource])[resource].result(30)["max.message.bytes"].value == "2000"
    admin.create_partitions([NewPartitions(topic, 5)])[topic].result(30)
    wait_until("five partitions", lambda: len(admin.list_topics(topic).topics[topic].partitions) == 5)
    admin.delete_topics([topic])[topic].result(30)
    wait_until("gone", lambda: topic not in admin.list_topics().topics)


def test_offsets_are_listed_by_position_and_by_time(cluster, new_topic, admin):
    topic, records = new_topic(), sample(30)
    produce(cluster, topic, records)
    partition = TopicPartition(topic, 0)

    def offset(spec):
        return admin.list_offsets({partition: spec})[partition].result(30)

    assert offset(OffsetSpec.earliest()).offset == 0
    assert offset(OffsetSpec.latest()).offset == 30
    assert offset(OffsetSpec.max_timestamp()).offset == 29
    found = offset(OffsetSpec.for_timestamp(records[17].timestamp - 1))
    assert (found.offset, found.timestamp) == (17, records[17].timestamp)
    assert offset(OffsetSpec.for_timestamp(records[29].timestamp + 1)).offset == -1


def test_records_can_be_deleted_up_to_an_offset(cluster, new_topic, admin):
    topic = new_topic()
    produce(cluster, topic, sample(30))
    deleted = admin.delete_records([TopicPartition(topic, 0, 12)])
    assert next(iter(deleted.values())).result(30).low_watermark == 12
    assert consume(cluster, topic, 18)[0].offset == 12


def test_errors_have_kafkas_codes(cluster, admin):
    from confluent_kafka.admin import NewTopic

    def refusal(topic):
        with pytest.raises(KafkaException) as refused:
            admin.create_topics([topic])[topic.topic].result(30)
        return refused.value.args[0].code()

    assert refusal(NewTopic("bad name!", 1, 1)) == KafkaError.TOPIC_EXCEPTION
    assert refusal(NewTopic("clients-zero", 0, 1)) == KafkaError.INVALID_PARTITIONS
    assert refusal(NewTopic("clients-config", 1, 1, config={"no.such": "1"})) == KafkaError.INVALID_CONFIG
