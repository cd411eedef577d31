"""The load under which dashboards are asked: every kind of client, so that every metric has something to count.

The servers, the bench and two of the clients are those of tests/soak.
"""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from expressions import ROOT

sys.path.append(str(ROOT / "tests" / "soak"))
from bench import Bench  # noqa: E402
from clients import ANSWER_SECONDS, QUIET, Background, Churn, FarBehind, create_topic  # noqa: E402
from servers import wait_until  # noqa: E402

PARTITIONS = 4
RECORDS_PER_SECOND = 1_000
RECORD_BYTES = 1 << 10
FAR_BEHIND_BYTES_PER_SECOND = 4 << 20
# Short, so that retention trims and deletes within the run.
TOPIC = {"retention.ms": "15000", "segment.ms": "5000"}
TOPIC_BYTES_MAX = 1_000
# Beyond every log.
NO_OFFSET = 1 << 40
PAUSE_SECONDS = 0.2


class Group(Background):
    """Members of one group: one stays, one comes and goes, so that there are rebalances."""

    STAY_SECONDS = 8.0

    def __init__(self, bootstrap: str, topic: str):
        super().__init__("the group")
        self.topic = topic
        self.config = {**QUIET, "bootstrap.servers": bootstrap, "group.id": "readers", "auto.offset.reset": "earliest",
                       "auto.commit.interval.ms": 1_000}

    def work(self):
        steady = self.member()
        while not self.stopping.is_set():
            self.read([steady], self.STAY_SECONDS)
            guest = self.member()
            self.read([steady, guest], self.STAY_SECONDS)
            guest.close()
        steady.close()

    def member(self) -> Consumer:
        consumer = Consumer(self.config)
        consumer.subscribe([self.topic])
        return consumer

    def read(self, members: list[Consumer], seconds: float):
        for _ in range(int(seconds / PAUSE_SECONDS)):
            for member in members:
                member.consume(10_000, PAUSE_SECONDS / len(members))
            if self.stopping.is_set():
                return


class Transactions(Background):
    """Transactions that commit, and some that abort."""

    RECORDS = 20
    ABORT_EVERY = 5

    def __init__(self, bootstrap: str, topic: str):
        super().__init__("the transactional producer")
        self.topic = topic
        self.producer = Producer({**QUIET, "bootstrap.servers": bootstrap, "transactional.id": "copier"})

    def work(self):
        self.producer.init_transactions(ANSWER_SECONDS)
        number = 0
        while not self.stopping.wait(PAUSE_SECONDS):
            number += 1
            self.producer.begin_transaction()
            for record in range(self.RECORDS):
                self.producer.produce(self.topic, b"x" * 100, partition=record % PARTITIONS)
            self.producer.flush(ANSWER_SECONDS)
            # It stays open for a while, so that scrapes see it.
            self.stopping.wait(PAUSE_SECONDS)
            if number % self.ABORT_EVERY:
                self.producer.commit_transaction(ANSWER_SECONDS)
            else:
                self.producer.abort_transaction(ANSWER_SECONDS)


class OverHttp(Background):
    """Appends and reads over HTTP, and asks for what does not exist."""

    def __init__(self, address: str, topic: str):
        super().__init__("the HTTP client")
        self.topics = f"http://{address}/topics"
        self.topic = topic

    def work(self):
        body = json.dumps({"records": [{"value": {"number": number}} for number in range(20)]}).encode()
        headers = {"Content-Type": "application/json"}
        while not self.stopping.wait(PAUSE_SECONDS):
            self.ask(urllib.request.Request(f"{self.topics}/{self.topic}", body, headers))
            self.ask(f"{self.topics}/{self.topic}/partitions/0/records?offset=latest")
            self.ask(f"{self.topics}/nothing")

    def ask(self, request):
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            # Refusals are part of the load; what the server fails at is not.
            if error.code >= 500:
                raise


class Mistakes(Background):
    """Sends records that are too large, and fetches offsets that do not exist: errors that clients cause."""

    def __init__(self, bootstrap: str, topic: str):
        super().__init__("the client that makes mistakes")
        self.topic = topic
        self.producer = Producer({**QUIET, "bootstrap.servers": bootstrap})
        self.consumer = Consumer({**QUIET, "bootstrap.servers": bootstrap, "group.id": "mistakes",
                                  "auto.offset.reset": "error", "enable.auto.commit": False})

    def work(self):
        while not self.stopping.wait(PAUSE_SECONDS):
            self.producer.produce(self.topic, b"x" * 2 * TOPIC_BYTES_MAX)
            self.producer.flush(ANSWER_SECONDS)
            self.consumer.assign([TopicPartition(self.topic, 0, NO_OFFSET)])
            self.consumer.consume(1, PAUSE_SECONDS)
        self.consumer.close()


class Behind(Background):
    """A group that commits its first record and reads no further: it has lag."""

    def __init__(self, bootstrap: str, topic: str):
        super().__init__("the group that is behind")
        self.topic = topic
        self.consumer = Consumer({**QUIET, "bootstrap.servers": bootstrap, "group.id": "behind", "enable.auto.commit": False})

    def work(self):
        self.consumer.subscribe([self.topic])
        while not self.stopping.is_set():
            self.consumer.poll(PAUSE_SECONDS)
            if assigned := self.consumer.assignment():
                self.consumer.pause(assigned)
                self.consumer.commit(offsets=[TopicPartition(self.topic, one.partition, 1) for one in assigned])
        self.consumer.close()


def knows(bootstrap: str, topics: list[str]) -> bool:
    """Whether an agent knows topics that another one has created."""
    client = Consumer({**QUIET, "bootstrap.servers": bootstrap, "group.id": "none"})
    return set(topics) <= client.list_topics(timeout=ANSWER_SECONDS).topics.keys()


class Load:
    """All clients of a target."""

    def __init__(self, target, directory: Path, seconds: float):
        addresses = target.kafka_addresses
        topics = ["copied", *(f"load-{number}" for number in range(len(addresses)))]
        for name in topics:
            create_topic(addresses[0], name, PARTITIONS, **TOPIC)
        create_topic(addresses[0], "small", 1, **{"max.message.bytes": str(TOPIC_BYTES_MAX)})
        for address in addresses:
            wait_until(f"topics at {address}", lambda at=address: knows(at, [*topics, "small"]))
        http = target.http_addresses[target.agents[0]]
        rate = ["--rate", str(RECORDS_PER_SECOND // len(addresses)), "--record-bytes", str(RECORD_BYTES), "--producers", "2",
                "--consumers", "2"]
        self.benches = [Bench(directory / f"bench-{number}.log", address, addresses[(number + 1) % len(addresses)],
                              f"load-{number}", seconds, *rate) for number, address in enumerate(addresses)]
        bootstrap = ",".join(addresses)
        self.clients = [Group(bootstrap, "load-0"), Behind(bootstrap, "load-0"), Transactions(bootstrap, "copied"),
                        OverHttp(http, "events"), Mistakes(bootstrap, "small"), Churn(bootstrap),
                        FarBehind(bootstrap, "load-0", PARTITIONS, FAR_BEHIND_BYTES_PER_SECOND)]
        for client in self.clients:
            client.start()

    def failures(self) -> list[str]:
        """Clients that have died."""
        ended = [f"the load on {bench.topic} ended; its log is {bench.log}" for bench in self.benches if not bench.is_running]
        return ended + [client.failure for client in self.clients if client.failure]

    def kill(self):
        for client in self.clients:
            client.stopping.set()
        for bench in self.benches:
            bench.kill()
