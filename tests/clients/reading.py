"""Reads what is committed, from the beginning to the end, and creates topics."""

import uuid

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from servers import wait_until

SECONDS = 60
GROWTH = 150


def create_topics(server, partitions: int, *names: str, **config):
    admin = AdminClient({"bootstrap.servers": server.bootstrap})
    for future in admin.create_topics([NewTopic(name, partitions, 1, config=config) for name in names]).values():
        future.result(SECONDS)


class Progress:
    """Tells how far topics have grown, without reading them."""

    def __init__(self, server, *topics: str):
        self.consumer = Consumer({"bootstrap.servers": server.bootstrap, "group.id": f"g-{uuid.uuid4().hex}",
                                  "isolation.level": "read_committed"})
        self.partitions = {topic: [TopicPartition(topic, partition) for partition in self.metadata(topic)] for topic in topics}

    def metadata(self, topic: str):
        return self.consumer.list_topics(topic, SECONDS).topics[topic].partitions

    def stable_end(self, topic: str) -> int:
        """The sum of the last stable offsets of the partitions of a topic; zero if the server does not answer."""
        try:
            return sum(self.consumer.get_watermark_offsets(partition, 5)[1] for partition in self.partitions[topic])
        except KafkaException:
            return 0

    def wait(self, seconds: float, alive=None):
        """Waits until each topic has grown by some hundred offsets."""
        before = {topic: self.stable_end(topic) for topic in self.partitions}
        wait_until("progress", lambda: all(self.stable_end(topic) > end + GROWTH for topic, end in before.items()), seconds, alive)


def wait_for_records(server, counts: dict[str, int], seconds: float, alive=None):
    """Waits until so many records of each topic are committed, or more."""
    wait_until("the whole output", lambda: all(len(committed(server, topic)) >= count for topic, count in counts.items()),
               seconds, alive, pause=0.5)


def committed(server, topic: str) -> list:
    """All committed messages of a topic, partition by partition, up to the end. Fails if a transaction stays open."""
    consumer = Consumer({"bootstrap.servers": server.bootstrap, "group.id": f"g-{uuid.uuid4().hex}",
                         "isolation.level": "read_committed", "enable.auto.commit": False, "enable.partition.eof": True})
    messages, ended = {}, set()
    try:
        for partition in consumer.list_topics(topic, SECONDS).topics[topic].partitions:
            messages[partition] = []
        consumer.assign([TopicPartition(topic, partition, 0) for partition in messages])

        def is_read():
            for message in consumer.consume(1_000, timeout=0.2):
                if not message.error():
                    messages[message.partition()].append(message)
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise AssertionError(message.error())
            return len(ended) == len(messages)

        wait_until(f"the end of {topic}", is_read, SECONDS)
    finally:
        consumer.close()
    return [message for partition in sorted(messages) for message in messages[partition]]
