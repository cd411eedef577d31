"""The load: idempotent producers of numbered records over several partitions, and a group of consumers that come and go."""

import struct
import threading
import time
from collections import defaultdict
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

PARTITIONS = 8
PRODUCERS = 4
MEMBERS = 3
PADDING = b"." * 100
# The offset of a record that was acknowledged without one.
UNKNOWN = -1
# For clients that fail over within seconds: librdkafka's default timeout is a minute.
CONNECTIONS = {"socket.timeout.ms": 10_000, "socket.connection.setup.timeout.ms": 2_000, "reconnect.backoff.ms": 50,
               "reconnect.backoff.max.ms": 500, "topic.metadata.refresh.interval.ms": 1_000,
               "metadata.max.age.ms": 10_000, "log_level": 0}


class Timeline:
    """For each stream of records: when records were sent, and when they were acknowledged or read."""

    def __init__(self):
        self.done: dict = defaultdict(list)

    def add(self, stream, sent: float, now: float):
        self.done[stream].append((sent, now))

    def first_after(self, since: float, streams) -> dict:
        """By stream: when the first record sent after `since` was acknowledged or read; None if there is none."""
        return {stream: next((now for sent, now in _from(self.done[stream], since)), None) for stream in streams}


def _from(done: list, since: float):
    """Records sent after `since`, from a list that is roughly in the order of sending."""
    start = len(done)
    while start > 0 and done[start - 1][1] >= since:
        start -= 1
    return ((sent, now) for sent, now in done[start:] if sent >= since)


class Sender(threading.Thread):
    """One idempotent producer: sends the numbers 0, 1, 2, ... to each partition."""

    def __init__(self, number: int, bootstrap: str, zone: str, topic: str, rate: float, acked: Timeline):
        super().__init__(name=f"producer-{number}", daemon=True)
        self.number, self.topic, self.rate, self.timeline = number, topic, rate, acked
        self.sent = [0] * PARTITIONS
        self.acked: list[dict[int, int]] = [{} for _ in range(PARTITIONS)]
        self.failures: list[str] = []
        self.stopping = threading.Event()
        self.client = Producer({"bootstrap.servers": bootstrap, "client.id": f"producer-{number},zone={zone}",
                                "enable.idempotence": True, "linger.ms": 5, "message.timeout.ms": 0,
                                "request.timeout.ms": 10_000, "retry.backoff.max.ms": 500, "error_cb": self.failed,
                                **CONNECTIONS})

    def failed(self, error: KafkaError):
        if error.fatal():
            self.failures.append(f"{self.name}: fatal: {error.str()}")

    def run(self):
        due, turn = time.monotonic(), 0
        while not self.stopping.is_set():
            self.send(turn % PARTITIONS)
            turn, due = turn + 1, due + 1 / self.rate
            self.client.poll(max(0, due - time.monotonic()))
            # After a long stall of the whole machine the missed records are not sent in a burst.
            due = max(due, time.monotonic() - 1)

    def send(self, partition: int):
        sequence = self.sent[partition]
        value = b"%d:%d:%d:" % (self.number, partition, sequence) + PADDING

        def done(error, message):
            now = time.time()
            if error is not None:
                self.failures.append(f"{self.name}: {partition}:{sequence} was refused: {error.str()}")
                return
            # A batch that was sent again long after it was written is acknowledged without an offset.
            self.acked[partition][sequence] = UNKNOWN if message.offset() is None else message.offset()
            self.timeline.add((self.number, partition), now - message.latency(), now)

        try:
            self.client.produce(self.topic, value, partition=partition, on_delivery=done)
            self.sent[partition] += 1
        except BufferError:
            self.client.poll(0.05)
        except KafkaException as error:
            self.failures.append(f"{self.name}: {error}")
            self.stopping.set()

    def finish(self, seconds: float) -> int:
        """Stops sending and waits for acknowledgements. Returns how many are missing."""
        self.stopping.set()
        self.join()
        return self.client.flush(seconds)


@dataclass
class Event:
    """A member was assigned partitions, or revoked them, or lost them."""

    time: float
    member: str
    kind: str
    generation: int
    partitions: list[int]

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.gmtime(self.time)) + f"{self.time % 1:.3f}"[1:]
        return f"{clock} {self.member} {self.kind} {self.partitions} in generation {self.generation}"


def generation(consumer: Consumer) -> int:
    """The generation in the group metadata as librdkafka encodes it: a name, then four bytes."""
    data = consumer.consumer_group_metadata()
    return struct.unpack_from("=i", data, data.index(b":") + 1)[0] if data else -1


class Member(threading.Thread):
    """One consumer of the group. Checks that it begins where the group has read to, and skips nothing."""

    def __init__(self, name: str, bootstrap: str, zone: str, group: "Group"):
        super().__init__(name=name, daemon=True)
        self.group = group
        self.next: dict[int, int] = {}
        self.stopping = threading.Event()
        self.client = Consumer({"bootstrap.servers": bootstrap, "client.id": f"{name},zone={zone}", "client.rack": zone,
                                "group.id": group.name, "auto.offset.reset": "earliest", "session.timeout.ms": 10_000,
                                "heartbeat.interval.ms": 1_000, "auto.commit.interval.ms": 500,
                                "fetch.wait.max.ms": 200, **CONNECTIONS})

    def run(self):
        note = lambda kind: lambda consumer, partitions: self.note(kind, [one.partition for one in partitions])
        self.client.subscribe([self.group.topic], on_assign=note("assign"), on_revoke=note("revoke"), on_lost=note("lost"))
        while not self.stopping.is_set():
            for message in self.client.consume(500, 0.1):
                if message.error() is None:
                    self.take(message)
        self.client.close()

    def note(self, kind: str, partitions: list[int]):
        self.next.clear()
        self.group.events.append(Event(time.time(), self.name, kind, generation(self.client), sorted(partitions)))

    def take(self, message):
        partition, offset, now = message.partition(), message.offset(), time.time()
        expected = self.next.get(partition)
        if expected is not None and offset != expected:
            self.group.violations.append(f"{self.name}: read {partition}@{offset} where {expected} was next")
        if expected is None and offset > self.group.read[partition]:
            self.group.violations.append(
                f"{self.name}: began at {partition}@{offset}, and the group has read to {self.group.read[partition]}")
        self.next[partition] = offset + 1
        self.group.read[partition] = max(self.group.read[partition], offset + 1)
        self.group.seen[partition] += 1
        self.group.timeline.add(partition, message.timestamp()[1] / 1000, now)


class Group:
    """The consumer group, whose members change."""

    def __init__(self, bootstrap: str, topic: str, zones: list[str]):
        self.bootstrap, self.topic, self.name, self.zones = bootstrap, topic, "chaos", zones
        self.events: list[Event] = []
        self.violations: list[str] = []
        self.read = [0] * PARTITIONS
        self.seen = [0] * PARTITIONS
        self.timeline = Timeline()
        self.members: list[Member] = []
        self.joined = 0
        for _ in range(MEMBERS):
            self.join()

    def join(self):
        self.joined += 1
        member = Member(f"member-{self.joined}", self.bootstrap, self.zones[self.joined % len(self.zones)], self)
        self.members.append(member)
        member.start()

    def churn(self):
        """Stops the oldest member and starts another one."""
        self.members.pop(0).stopping.set()
        self.join()

    def finish(self):
        for member in self.members:
            member.stopping.set()
        for member in self.members:
            member.join(30)


class Load:
    """Producers and consumers over one topic."""

    def __init__(self, bootstrap: str, topic: str, zones: list[str], rate: float):
        self.acked = Timeline()
        self.group = Group(bootstrap, topic, zones)
        self.senders = [Sender(number, bootstrap, zones[number % len(zones)], topic, rate / PRODUCERS, self.acked)
                        for number in range(PRODUCERS)]
        for sender in self.senders:
            sender.start()

    @property
    def produced_streams(self) -> list:
        return [(number, partition) for number in range(PRODUCERS) for partition in range(PARTITIONS)]

    @property
    def consumed_streams(self) -> list:
        return list(range(PARTITIONS))

    def acknowledged(self) -> int:
        return sum(len(acked) for sender in self.senders for acked in sender.acked)
