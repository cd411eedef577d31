"""Kafka Streams, exactly once: what two instances write must equal a batch computation over the same input, while instances and
the server are killed."""

import random
import shutil
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
from conftest import LONG
from processes import Program, Writer
from reading import Progress, committed, create_topics, wait_for_records
from servers import KAFKA_39_JARS, KAFKA_JARS, Alluvium, java_command, wait_until

SECONDS = 120
INPUTS, OUTPUTS = ("lines", "orders", "payments"), ("counts", "windows", "joined")
PARTITIONS = 3
WINDOW_MS = 10_000
# Retention deletes records that are older.
START_MS = int(time.time() * 1000)
WORDS = [f"word{number}" for number in range(40)]
ROUNDS = 4 if LONG else 1


class Instance(Program):
    """A process of the application, with its state directory."""

    def __init__(self, directory: Path, server, application: str, classes: Path, jars: Path):
        super().__init__(directory, java_command("Streams", server.bootstrap, application, directory / "state", heap="192m",
                                                 classes=classes, jars=jars))

    def restart_without_state(self):
        self.kill()
        shutil.rmtree(self.directory / "state")
        self.start()

    def wait_running(self):
        wait_until(f"{self.directory.name} runs", lambda: "state RUNNING" in self.output(), SECONDS, self.alive)

    def restored(self) -> int:
        return sum(int(line.split()[1]) for line in self.output().splitlines() if line.startswith("restored "))


class Feed(Writer):
    """Lines, orders and payments."""

    def __init__(self, server, application: str, seed: int):
        super().__init__(server)
        self.application, self.random, self.number = application, random.Random(seed), 0

    def write_some(self):
        for _ in range(4):
            self.number += 1
            now = START_MS + self.number * 20 + self.random.randrange(5_000)
            self.feed("lines", " ".join(self.random.choices(WORDS, k=3)), now)
            self.feed("orders", f"{self.number} order", now)
            for payment in range(self.random.randrange(3)):
                # Some are too late to be joined.
                self.feed("payments", f"{self.number} payment{payment}", now + self.random.randrange(2 * WINDOW_MS))

    def feed(self, topic, value, timestamp):
        self.send(f"{self.application}-{topic}", value, f"customer{self.random.randrange(30)}", timestamp=timestamp)


def batch(inputs: dict) -> dict[str, Counter]:
    """What must be in the output: each count from one to the last, and each pair that is joined, once."""
    words, windows, joined = Counter(), Counter(), Counter()
    for message in inputs["lines"]:
        for word in message.value().decode().split(" "):
            words[word] += 1
            windows[f"{word}@{message.timestamp()[1] // WINDOW_MS * WINDOW_MS}"] += 1
    payments = {}
    for message in inputs["payments"]:
        payments.setdefault(message.value().decode().split(" ")[0], []).append(message)
    for order in inputs["orders"]:
        number = order.value().decode().split(" ")[0]
        for payment in payments.get(number, []):
            if abs(order.timestamp()[1] - payment.timestamp()[1]) <= WINDOW_MS:
                joined[number, f"{order.value().decode()}|{payment.value().decode()}"] += 1
    updates = {name: Counter((key, str(count)) for key, last in counts.items() for count in range(1, last + 1))
               for name, counts in (("counts", words), ("windows", windows))}
    return {**updates, "joined": joined}


def contents(messages) -> Counter:
    return Counter((message.key().decode(), message.value().decode()) for message in messages)


def run_and_compare(server, classes, directory, jars, rounds):
    application, seed = f"streams-{uuid.uuid4().hex[:8]}", random.randrange(1 << 32)
    print(f"seed {seed}")
    create_topics(server, PARTITIONS, *(f"{application}-{name}" for name in INPUTS + OUTPUTS))
    first, second = instances = [Instance(directory / name, server, application, classes, jars) for name in ("first", "second")]
    feed, restored = Feed(server, application, seed), 0
    progress = Progress(server, f"{application}-counts")
    try:
        for instance in instances:
            instance.start()
        feed.start()
        for instance in instances:
            instance.wait_running()
        for number in range(rounds):
            progress.wait(SECONDS)
            first.restart_without_state()
            progress.wait(SECONDS)
            if number % 2 and isinstance(server, Alluvium):
                # What is restored after this comes from history files.
                server.compact()
            else:
                server.kill()
                server.start()
            first.wait_running()
            progress.wait(SECONDS)
            second.restart()
            second.wait_running()
            progress.wait(SECONDS)
            restored += sum(instance.restored() for instance in instances)
        feed.stop()
        inputs = {name: committed(server, f"{application}-{name}") for name in INPUTS}
        assert {f"{application}-{name}": len(messages) for name, messages in inputs.items()} == feed.sent
        expected = batch(inputs)
        wait_for_records(server, {f"{application}-{name}": expected[name].total() for name in OUTPUTS}, SECONDS)
        for instance in instances:
            assert instance.alive(), instance.output()
    finally:
        feed.stopping.set()
        for instance in instances:
            instance.kill()
    for name in OUTPUTS:
        found = contents(committed(server, f"{application}-{name}"))
        assert not expected[name] - found, f"{name}: lost {list((expected[name] - found).items())[:5]}"
        assert not found - expected[name], f"{name}: doubled {list((found - expected[name]).items())[:5]}"
    assert restored > 0, "no state was restored"
    print(f"{feed.sent} in, {[expected[name].total() for name in OUTPUTS]} out, {restored} restored")


@pytest.mark.parametrize("jars", [KAFKA_JARS, *([KAFKA_39_JARS] if LONG else [])], ids=lambda jars: jars.name)
def test_results_equal_a_batch_computation_while_instances_and_the_server_are_killed(own_server, java_classes, tmp_path, jars):
    run_and_compare(own_server, java_classes, tmp_path, jars, ROUNDS)
