"""The clients that make trouble beside the load: a consumer that is far behind for ever, connections that are never read, and
topics that come and go."""

import select
import socket
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from raw_fetch import fetch_request

# Connections that end with the servers are no news.
QUIET = {"log_level": 0}
# Of librdkafka, in this process: far less than what is read.
QUEUE_KIB = 16 << 10
# Time between two topics, and between the creation and the deletion of one.
CHURN_SECONDS = 2.0
CHURN_PARTITIONS = 3
CHURN_RECORDS = 100
ANSWER_SECONDS = 30


def create_topic(bootstrap: str, name: str, partitions: int, **config):
    # The client must live until the answer is there.
    admin = AdminClient({**QUIET, "bootstrap.servers": bootstrap})
    made = admin.create_topics([NewTopic(name, partitions, 1, config=config)])
    made[name].result(ANSWER_SECONDS)


class Background(threading.Thread):
    """A client in a thread of its own, until it is told to stop. What it dies of is kept."""

    def __init__(self, name: str):
        super().__init__(name=name, daemon=True)
        self.stopping = threading.Event()
        self.failure = ""
        # When it last got somewhere.
        self.progress = time.monotonic()

    def run(self):
        try:
            self.work()
        except (KafkaException, OSError) as error:
            self.failure = f"{self.name}: {error}"


class FarBehind(Background):
    """Reads a topic from its beginning to its end, again and again, at up to `bytes_per_second` (0: as fast as it can)."""

    def __init__(self, bootstrap: str, topic: str, partitions: int, bytes_per_second: float):
        super().__init__("the consumer far behind")
        self.topic, self.partitions, self.bytes_per_second = topic, partitions, bytes_per_second
        self.bytes, self.passes = 0, 0
        self.client = Consumer({**QUIET, "bootstrap.servers": bootstrap, "group.id": "far-behind", "enable.auto.commit": False,
                                "auto.offset.reset": "earliest", "enable.partition.eof": True,
                                "queued.max.messages.kbytes": QUEUE_KIB, "check.crcs": True})

    def work(self):
        while not self.stopping.is_set():
            self.read_once()
            self.passes += 1
        self.client.close()

    def read_once(self):
        # Or each question waits behind a long poll.
        self.client.unassign()
        ends = {partition: self.client.get_watermark_offsets(TopicPartition(self.topic, partition), ANSWER_SECONDS)
                for partition in range(self.partitions)}
        self.client.assign([TopicPartition(self.topic, partition, low) for partition, (low, _) in ends.items()])
        left = {partition for partition, (low, high) in ends.items() if low < high}
        if not left:
            self.stopping.wait(0.5)
        began, read = time.monotonic(), 0
        while left and not self.stopping.is_set():
            for message in self.client.consume(1_000, 0.2):
                self.progress = time.monotonic()
                if message.error() is None:
                    read += len(message.value())
                    is_end = message.offset() + 1 >= ends[message.partition()][1]
                else:
                    is_end = message.error().code() == KafkaError._PARTITION_EOF
                if is_end:
                    left.discard(message.partition())
            if self.bytes_per_second:
                self.stopping.wait(max(0.0, began + read / self.bytes_per_second - time.monotonic()))
            self.bytes, read, began = self.bytes + read, 0, time.monotonic()


class Stuck(Background):
    """Connections that send Fetch requests and never read an answer. One that the server closes is opened again."""

    # Bytes that the kernel takes for it: the rest of the answers stays with the server.
    RECEIVE_BYTES = 4 << 10
    REQUESTS = 64
    LOOK_SECONDS = 1.0
    FETCH_BYTES = 16 << 20

    def __init__(self, address: str, topic: str, partitions: int, count: int):
        super().__init__("the stuck consumer")
        self.host, port = address.rsplit(":", 1)
        self.port, self.topic, self.partitions, self.count = int(port), topic, partitions, count
        self.sockets: list[socket.socket] = []
        self.closed = 0
        self.offsets = dict.fromkeys(range(partitions), 0)

    def work(self):
        client = Consumer({**QUIET, "bootstrap.servers": f"{self.host}:{self.port}", "group.id": "stuck"})
        while not self.stopping.is_set():
            gone = [one for one in self.sockets if is_closed(one)]
            for one in gone:
                one.close()
                self.sockets.remove(one)
            self.closed += len(gone)
            if len(self.sockets) < self.count:
                self.offsets = {partition: self.start_of(client, partition) for partition in range(self.partitions)}
                self.sockets += [self.open() for _ in range(self.count - len(self.sockets))]
            self.progress = time.monotonic()
            self.stopping.wait(self.LOOK_SECONDS)
        client.close()
        for one in self.sockets:
            one.close()

    def start_of(self, client: Consumer, partition: int) -> int:
        """An offset in the middle: there are records behind it, and retention has not reached it."""
        return sum(client.get_watermark_offsets(TopicPartition(self.topic, partition), ANSWER_SECONDS)) // 2

    def open(self) -> socket.socket:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.RECEIVE_BYTES)
        one.settimeout(ANSWER_SECONDS)
        one.connect((self.host, self.port))
        one.sendall(b"".join(fetch_request(number, self.topic, self.offsets, self.FETCH_BYTES)
                             for number in range(self.REQUESTS)))
        return one


def is_closed(one: socket.socket) -> bool:
    poll = select.poll()
    poll.register(one, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


class Churn(Background):
    """Creates topics, writes a few records into each, and deletes them again."""

    def __init__(self, bootstrap: str):
        super().__init__("topics that come and go")
        self.admin = AdminClient({**QUIET, "bootstrap.servers": bootstrap})
        self.producer = Producer({**QUIET, "bootstrap.servers": bootstrap, "linger.ms": 5, "enable.idempotence": True,
                                  # It looks up deleted topics again every five minutes, and would create them again.
                                  "allow.auto.create.topics": False})
        self.deleted = 0

    def work(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            name = f"churn-{number}"
            made = self.admin.create_topics([NewTopic(name, CHURN_PARTITIONS, 1)], operation_timeout=ANSWER_SECONDS)
            made[name].result(ANSWER_SECONDS)
            for record in range(CHURN_RECORDS):
                self.producer.produce(name, b"churn" * 20, partition=record % CHURN_PARTITIONS)
            if missing := self.producer.flush(ANSWER_SECONDS):
                raise OSError(f"{missing} records of {name} were not acknowledged within {ANSWER_SECONDS} s")
            self.stopping.wait(CHURN_SECONDS)
            self.admin.delete_topics([name])[name].result(ANSWER_SECONDS)
            self.deleted += 1
            self.progress = time.monotonic()
