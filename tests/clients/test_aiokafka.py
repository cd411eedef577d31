"""aiokafka (pure Python): every record with every compression, and a group."""

import asyncio
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from conftest import COMPRESSIONS
from records import Record, differences, sample

SECONDS = 60


def record_of(message) -> Record:
    headers = tuple((name, value) for name, value in message.headers)
    return Record(message.partition, message.offset, message.timestamp, message.key, message.value, headers)


async def produce(cluster, topic, records, compression=None, **config):
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, compression_type=compression, linger_ms=5, **config)
    await producer.start()
    try:
        sent = [
            await producer.send(topic, record.value, key=record.key, partition=record.partition,
                                timestamp_ms=record.timestamp, headers=list(record.headers))
            for record in records
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def read(consumer, count) -> list[Record]:
    found = []
    while len(found) < count:
        found.append(record_of(await consumer.getone()))
    return found


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_records_come_back_as_they_were_sent(cluster, new_topic, compression):
    topic, records = new_topic(), sample()

    async def scenario():
        await produce(cluster, topic, records, None if compression == "none" else compression)
        consumer = AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap)
        await consumer.start()
        try:
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            return await read(consumer, len(records))
        finally:
            await consumer.stop()

    found = asyncio.run(asyncio.wait_for(scenario(), SECONDS))
    assert differences(records, found) == []


def test_an_idempotent_producer_is_served(cluster, new_topic):
    topic, records = new_topic(), sample(50)
    asyncio.run(asyncio.wait_for(produce(cluster, topic, records, enable_idempotence=True), SECONDS))


def test_a_group_of_three_shares_the_partitions_and_resumes(cluster, new_topic):
    topic, group = new_topic(6), f"g-{uuid.uuid4().hex}"

    def member():
        return AIOKafkaConsumer(topic, bootstrap_servers=cluster.bootstrap, group_id=group, auto_offset_reset="earliest",
                                enable_auto_commit=False, session_timeout_ms=6000)

    async def shared(members):
        while True:
            owned = [{part.partition for part in one.assignment()} for one in members]
            if all(owned) and sum(map(len, owned)) == 6 and set.union(*owned) == set(range(6)):
                return
            await asyncio.sleep(0.05)

    async def scenario():
        members = [member() for _ in range(3)]
        await asyncio.gather(*(one.start() for one in members))
        await shared(members)
        await produce(cluster, topic, [Record(n % 6, n // 6, 1_700_000_000_000 + n, b"k", b"%d" % n) for n in range(60)])
        reads = [asyncio.create_task(read(one, 20)) for one in members]
        found = [record for task in reads for record in await task]
        await asyncio.gather(*(one.commit() for one in members))
        await asyncio.gather(*(one.stop() for one in members))
        late = member()
        await late.start()
        await shared([late])
        committed = [await late.committed(TopicPartition(topic, partition)) for partition in range(6)]
        await late.stop()
        return found, committed

    found, committed = asyncio.run(asyncio.wait_for(scenario(), SECONDS))
    assert sorted((r.partition, r.offset) for r in found) == [(p, o) for p in range(6) for o in range(10)]
    assert committed == [10] * 6


def test_topics_are_created_described_extended_and_deleted(cluster):
    topic = f"clients-aio-{uuid.uuid4().hex[:8]}"

    async def scenario():
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(topic, 2, 1, topic_configs={"retention.ms": "7200000"})])
            assert topic in await admin.list_topics()
            answer = (await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]))[0]
            configs = {entry[0]: entry[1] for entry in answer.resources[0][4]}
            await admin.create_partitions({topic: NewPartitions(4)})
            described = (await admin.describe_topics([topic]))[0]
            await admin.delete_topics([topic])
            return configs["retention.ms"], len(described["partitions"]), topic in await admin.list_topics()
        finally:
            await admin.close()

    assert asyncio.run(asyncio.wait_for(scenario(), SECONDS)) == ("7200000", 4, False)


def test_groups_are_listed_and_described(cluster, new_topic):
    topic, group = new_topic(), f"g-{uuid.uuid4().hex}"

    async def scenario():
        await produce(cluster, topic, sample(10))
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=cluster.bootstrap, group_id=group, auto_offset_reset="earliest",
                                    enable_auto_commit=False)
        await consumer.start()
        await read(consumer, 10)
        await consumer.commit()
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        await admin.start()
        try:
            listed = await admin.list_consumer_groups()
            state = (await admin.describe_consumer_groups([group]))[0].groups[0][2]
            offsets = await admin.list_consumer_group_offsets(group)
            await consumer.stop()
            return group in dict(listed), state, offsets[TopicPartition(topic, 0)].offset
        finally:
            await admin.close()

    assert asyncio.run(asyncio.wait_for(scenario(), SECONDS)) == (True, "Stable", 10)
