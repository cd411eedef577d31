"""Transactional load: writers whose transactions are committed or aborted, and copiers that consume, transform and produce.

A transaction passes a moment at which all of it is acknowledged and its end is not asked for: kills of agents are aimed at it.
"""

import logging
import random
import sys
import threading
import time
import traceback
from collections import defaultdict

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import NewTopic
from load import CONNECTIONS

PAIRS, SOURCE, SINK = "pairs", "source", "sink"
PAIRS_PARTITIONS, SOURCE_PARTITIONS, SINK_PARTITIONS = 3, 2, 3
GROUP = "copiers"
WRITERS, COPIERS = 2, 2
SECONDS = 30
# Longer than any kill takes to be noticed, shorter than the load takes to drain.
TIMEOUT_MS = 30_000
SOURCE_RATE = 40
# What becomes of a producer is told by exceptions.
SILENT = logging.Logger("transactions", logging.CRITICAL + 1)
# Longest time between the moment and the kill, and between the moment and the request to end: either may be first.
AIM_SPREAD_SECONDS = 0.02


def where(thread: threading.Thread) -> str:
    """The lines of this file in which a thread is, the innermost last."""
    frame = sys._current_frames().get(thread.ident)
    lines = [f"{one.name}:{one.lineno} {one.line}" for one in traceback.extract_stack(frame) if one.filename == __file__] if frame else []
    return " > ".join(lines)


class Moment:
    """Announces that a transaction is produced and not ended."""

    def __init__(self):
        self.condition = threading.Condition()
        self.passed = 0

    def announce(self):
        with self.condition:
            self.passed += 1
            self.condition.notify_all()
        time.sleep(random.uniform(0, AIM_SPREAD_SECONDS))

    def wait(self, seconds: float = SECONDS):
        """Waits for the next announcement, and a little longer."""
        with self.condition:
            passed = self.passed
            self.condition.wait_for(lambda: self.passed > passed, seconds)
        time.sleep(random.uniform(0, AIM_SPREAD_SECONDS))


def transactional(bootstrap: str, transactional_id: str) -> Producer:
    client = Producer({"bootstrap.servers": bootstrap, "transactional.id": transactional_id, "linger.ms": 2,
                       "transaction.timeout.ms": TIMEOUT_MS, "message.timeout.ms": TIMEOUT_MS, **CONNECTIONS}, logger=SILENT)
    client.init_transactions(SECONDS)
    return client


class Writer(threading.Thread):
    """Writes the number of each transaction to all partitions of a topic, and aborts every fourth one."""

    def __init__(self, number: int, bootstrap: str, moment: Moment):
        super().__init__(name=f"writer-{number}", daemon=True)
        self.number, self.bootstrap, self.moment = number, bootstrap, moment
        self.begun = 0
        self.committed: set[bytes] = set()
        self.aborted: set[bytes] = set()
        self.stopping = threading.Event()

    def run(self):
        client = None
        while not self.stopping.is_set():
            try:
                client = client or transactional(self.bootstrap, self.name)
                self.transaction(client)
            except KafkaException:
                # The outcome is not known. The next producer aborts the transaction if it is open.
                client = None

    def transaction(self, client: Producer):
        self.begun += 1
        value = b"%d:%d" % (self.number, self.begun)
        client.begin_transaction()
        for partition in range(PAIRS_PARTITIONS):
            client.produce(PAIRS, value, partition=partition)
        client.flush(SECONDS)
        self.moment.announce()
        if self.begun % 4 == 0:
            client.abort_transaction(SECONDS)
            self.aborted.add(value)
        else:
            client.commit_transaction(SECONDS)
            self.committed.add(value)


class Feeder(threading.Thread):
    """Writes what copiers read."""

    def __init__(self, bootstrap: str):
        super().__init__(name="feeder", daemon=True)
        self.client = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5,
                                "message.timeout.ms": 0, "retry.backoff.max.ms": 500, **CONNECTIONS})
        self.sent = 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(1 / SOURCE_RATE):
            self.client.produce(SOURCE, b"%d" % self.sent, partition=self.sent % SOURCE_PARTITIONS)
            self.sent += 1
            self.client.poll(0)


class Copier(threading.Thread):
    """A member of a group that copies what it reads, with its offsets, in transactions. It aborts some of them."""

    def __init__(self, number: int, bootstrap: str, moment: Moment):
        super().__init__(name=f"copier-{number}", daemon=True)
        self.bootstrap, self.moment = bootstrap, moment
        self.committed = self.aborted = self.failed = 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": GROUP, "enable.auto.commit": False,
                                 "auto.offset.reset": "earliest", "isolation.level": "read_committed",
                                 "session.timeout.ms": 10_000, "heartbeat.interval.ms": 1_000, **CONNECTIONS})
            try:
                self.live(consumer)
            except KafkaException:
                self.failed += 1
            finally:
                consumer.close()

    def live(self, consumer: Consumer):
        """Copies until a transaction is aborted or fails: then all that was read since the last one is read again."""
        consumer.subscribe([SOURCE])
        client = transactional(self.bootstrap, self.name)
        while not self.stopping.is_set():
            messages = [message for message in consumer.consume(100, 0.2) if message.error() is None]
            if not messages:
                continue
            client.begin_transaction()
            for message in messages:
                client.produce(SINK, message.value(), partition=int(message.value()) % SINK_PARTITIONS)
            client.flush(SECONDS)
            offsets: dict[int, int] = defaultdict(int)
            for message in messages:
                offsets[message.partition()] = max(offsets[message.partition()], message.offset() + 1)
            read = [TopicPartition(SOURCE, partition, offset) for partition, offset in offsets.items()]
            client.send_offsets_to_transaction(read, consumer.consumer_group_metadata(), SECONDS)
            self.moment.announce()
            if (self.committed + self.aborted) % 10 == 9:
                client.abort_transaction(SECONDS)
                self.aborted += 1
                return
            client.commit_transaction(SECONDS)
            self.committed += 1


class Transactions:
    """All transactional clients."""

    def __init__(self, bootstrap: str):
        self.bootstrap, self.moment = bootstrap, Moment()
        self.writers = [Writer(number, bootstrap, self.moment) for number in range(WRITERS)]
        self.copiers = [Copier(number, bootstrap, self.moment) for number in range(COPIERS)]
        self.feeder = Feeder(bootstrap)
        for client in [*self.writers, *self.copiers, self.feeder]:
            client.start()

    @staticmethod
    def topics() -> list[NewTopic]:
        return [NewTopic(PAIRS, PAIRS_PARTITIONS, 1), NewTopic(SOURCE, SOURCE_PARTITIONS, 1),
                NewTopic(SINK, SINK_PARTITIONS, 1)]

    def offsets(self) -> list[int]:
        """The committed offset of each partition of the source; 0 if there is none."""
        client = Consumer({"bootstrap.servers": self.bootstrap, "group.id": GROUP, **CONNECTIONS})
        try:
            asked = [TopicPartition(SOURCE, partition) for partition in range(SOURCE_PARTITIONS)]
            return [max(found.offset, 0) for found in client.committed(asked, SECONDS)]
        finally:
            client.close()

    def drain(self, seconds: float) -> list[str]:
        """Stops the writers, and waits until the copiers have copied everything. Returns violations."""
        bad = []
        self.feeder.stopping.set()
        self.feeder.join()
        if missing := self.feeder.client.flush(seconds):
            bad.append(f"{missing} records for copiers were not acknowledged after {seconds} s")
        for writer in self.writers:
            writer.stopping.set()
        deadline = time.monotonic() + seconds
        while sum(offsets := self.offsets()) < self.feeder.sent and time.monotonic() < deadline:
            time.sleep(0.2)
        if sum(offsets) < self.feeder.sent:
            bad.append(f"the copiers have come to {offsets}, and {self.feeder.sent} records were sent")
        for client in [*self.writers, *self.copiers]:
            client.stopping.set()
        for client in [*self.writers, *self.copiers]:
            client.join(2 * SECONDS)
            if client.is_alive():
                bad.append(f"{client.name} does not end: it is in {where(client)}")
        return bad

    def summary(self) -> str:
        committed = sum(len(writer.committed) for writer in self.writers)
        aborted = sum(len(writer.aborted) for writer in self.writers)
        unknown = sum(writer.begun for writer in self.writers) - committed - aborted
        copied = f"{sum(one.committed for one in self.copiers)} committed, {sum(one.aborted for one in self.copiers)} aborted"
        failed = sum(one.failed for one in self.copiers)
        return (f"transactions of writers: {committed} committed, {aborted} aborted, {unknown} of unknown end; "
                f"of copiers: {copied}, {failed} failed, {self.feeder.sent} records copied")
