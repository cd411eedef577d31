"""Kafka Connect, distributed: lines of a file go to a topic exactly once, and from there to another file, while the worker and the
server are killed. Its config, offset and status topics are compacted."""

import json
import re
import threading
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest
from conftest import LONG
from processes import Program
from reading import committed, create_topics
from servers import Alluvium, free_port, java_command, wait_until

pytestmark = pytest.mark.usefixtures("java")
SECONDS = 120
ROUNDS = 4 if LONG else 1
FILE = "org.apache.kafka.connect.file.FileStream"


class Worker(Program):
    """A worker process of Connect."""

    def __init__(self, directory: Path, server):
        directory.mkdir(parents=True)
        self.port = free_port()
        properties = directory / "worker.properties"
        properties.write_text("\n".join([
            f"bootstrap.servers={server.bootstrap}", "group.id=connect", f"listeners=http://127.0.0.1:{self.port}",
            "key.converter=org.apache.kafka.connect.storage.StringConverter",
            "value.converter=org.apache.kafka.connect.storage.StringConverter",
            *(f"{kind}.storage.topic=connect-{kind}" for kind in ("config", "offset", "status")),
            *(f"{kind}.storage.replication.factor=1" for kind in ("config", "offset", "status")),
            "offset.storage.partitions=3", "status.storage.partitions=1", "exactly.once.source.support=enabled",
            "offset.flush.interval.ms=500", "session.timeout.ms=10000", "heartbeat.interval.ms=500",
            # A worker reads its topics to the end before it begins, so it waits for the transactions that one before has left open.
            "producer.transaction.timeout.ms=10000", "scheduled.rebalance.max.delay.ms=0", "consumer.isolation.level=read_committed",
            "consumer.session.timeout.ms=3000", "consumer.heartbeat.interval.ms=500",
            "plugin.discovery=service_load", ""]))
        super().__init__(directory, java_command("org.apache.kafka.connect.cli.ConnectDistributed", properties, heap="256m"))

    def call(self, method: str, path: str, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")

    def configure(self, name: str, **config):
        def is_accepted():
            try:
                return self.call("PUT", f"/connectors/{name}/config", {"tasks.max": "1", **config})
            except (urllib.error.HTTPError, OSError):
                # It has not joined the group yet.
                return None

        wait_until(f"{name} is accepted", is_accepted, SECONDS, self.alive)

    def runs(self, name: str) -> bool:
        try:
            status = self.call("GET", f"/connectors/{name}/status")
        except (urllib.error.HTTPError, OSError):
            return False
        tasks = [task["state"] for task in status["tasks"]]
        assert "FAILED" not in tasks, status
        return tasks == ["RUNNING"]


class Lines(threading.Thread):
    """Appends lines to a file until it is stopped."""

    def __init__(self, path: Path):
        super().__init__(daemon=True)
        self.path, self.stopping, self.lines = path, threading.Event(), []

    def run(self):
        with self.path.open("a", buffering=1) as file:
            while not self.stopping.wait(0.05):
                for _ in range(10):
                    self.lines.append(f"line-{len(self.lines):07}")
                    file.write(self.lines[-1] + "\n")

    def stop(self):
        self.stopping.set()
        self.join()


def test_lines_are_copied_exactly_once_while_worker_and_server_are_killed(own_server, tmp_path):
    source, sink, topic = tmp_path / "source", tmp_path / "sink", f"lines-{uuid.uuid4().hex[:8]}"
    create_topics(own_server, 1, topic)
    source.touch()
    worker, lines = Worker(tmp_path / "worker", own_server).start(), Lines(source)

    def copied() -> list[str]:
        return re.findall(r"line-\d{7}", sink.read_text()) if sink.exists() else []

    def progress():
        before = len(copied())
        wait_until("progress", lambda: len(copied()) > before + 100, SECONDS, worker.alive, pause=0.1)

    try:
        # Of a full batch, the file source keeps what is left until more is written to the file.
        worker.configure("source", file=str(source), topic=topic, **{
            "connector.class": f"{FILE}SourceConnector", "exactly.once.support": "required", "batch.size": "1000000"})
        worker.configure("sink", file=str(sink), topics=topic, **{"connector.class": f"{FILE}SinkConnector"})
        wait_until("both run", lambda: worker.runs("source") and worker.runs("sink"), SECONDS, worker.alive)
        lines.start()
        progress()
        for _ in range(ROUNDS):
            worker.restart()
            progress()
            own_server.kill()
            own_server.start()
            progress()
        lines.stop()
        wait_until("the last line", lambda: set(copied()) >= set(lines.lines), SECONDS, worker.alive)
        wait_until("both run", lambda: worker.runs("source") and worker.runs("sink"), SECONDS, worker.alive)
    finally:
        lines.stopping.set()
        worker.kill()
    # One partition: order counts as well.
    assert [message.value().decode() for message in committed(own_server, topic)] == lines.lines
    # The sink of Connect is at least once.
    print(f"{len(lines.lines)} lines, {len(copied()) - len(lines.lines)} twice in the sink's file, {ROUNDS} rounds of kills")
    if isinstance(own_server, Alluvium):
        own_server.compact()
        assert [message.value().decode() for message in committed(own_server, topic)] == lines.lines
        restarted = Worker(tmp_path / "restarted", own_server).start()
        try:
            wait_until("both run", lambda: restarted.runs("source") and restarted.runs("sink"), SECONDS, restarted.alive)
        finally:
            restarted.kill()
