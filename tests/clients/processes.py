"""What tests that kill clients share: a writer in the background, and programs that are started again."""

import threading
from pathlib import Path

from confluent_kafka import Producer
from servers import Process

FLUSH_SECONDS = 60


class Writer(threading.Thread):
    """Writes with idempotence, some messages every few milliseconds, until it is stopped. A subclass says what."""

    PAUSE_SECONDS = 0.02

    def __init__(self, server):
        super().__init__(daemon=True)
        self.stopping = threading.Event()
        self.producer = Producer({"bootstrap.servers": server.bootstrap, "enable.idempotence": True, "linger.ms": 5})
        self.sent, self.failed = {}, []

    def write_some(self):
        raise NotImplementedError

    def run(self):
        while not self.stopping.wait(self.PAUSE_SECONDS):
            self.write_some()
            self.producer.poll(0)
        if left := self.producer.flush(FLUSH_SECONDS):
            self.failed.append(f"{left} not delivered")

    def send(self, topic: str, value: str, key: str = "", **more):
        self.producer.produce(topic, value, key, on_delivery=self.delivered, **more)
        self.sent[topic] = self.sent.get(topic, 0) + 1

    def delivered(self, error, _):
        if error:
            self.failed.append(error)

    def stop(self):
        """Waits until all is delivered."""
        self.stopping.set()
        self.join()
        assert not self.failed, self.failed[:5]


class Program(Process):
    """A client that is killed and started again; its output goes to a log of its own each time."""

    def __init__(self, directory: Path, command: list, env: dict | None = None):
        super().__init__(directory)
        self.command, self.env, self.starts = command, env, 0

    def start(self) -> "Program":
        self.starts += 1
        self.log = self.directory / f"log-{self.starts}"
        self.spawn(self.command, self.env)
        return self

    def restart(self):
        self.kill()
        self.start()

    def output(self) -> str:
        return self.log.read_text()
