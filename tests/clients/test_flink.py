"""Apache Flink with an exactly-once sink, killed and restored from its newest checkpoint. By hand: `ALLUVIUM_TEST_LONG=1`, and
`tests/clients/install flink` before."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from conftest import LONG
from processes import Program
from reading import Progress, committed, create_topics, wait_for_records
from servers import CLIENTS, java_command
from test_scenarios import Numbers

JARS = CLIENTS / "flink-jars"
SECONDS = 180
ROUNDS = 3
pytestmark = pytest.mark.skipif(not LONG or not JARS.is_dir() or not shutil.which("javac"),
                                reason="by hand: tests/clients/install flink, then ALLUVIUM_TEST_LONG=1")


class Job(Program):
    """A job on a cluster of Flink within one process."""

    def __init__(self, directory: Path, classes: Path, server, source: str, sink: str, naming: str):
        super().__init__(directory, [])
        self.checkpoints = directory / "checkpoints"
        self.arguments = [server.bootstrap, source, sink, self.checkpoints, naming]
        self.classes = classes

    def start(self) -> "Job":
        newest = sorted(self.checkpoints.glob("*/chk-*/_metadata"), key=lambda path: path.stat().st_mtime)
        restored = [f"file://{newest[-1].parent}"] if newest else []
        self.command = java_command("Copy", *self.arguments, *restored, heap="1g", classes=self.classes, jars=JARS)
        return super().start()


@pytest.fixture(scope="session")
def flink_classes(tmp_path_factory) -> Path:
    classes = tmp_path_factory.mktemp("flink-classes")
    done = subprocess.run(["javac", "-d", classes, "-cp", f"{JARS}/*", Path(__file__).parent / "flink" / "Copy.java"],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return classes


@pytest.mark.parametrize("naming", ["INCREMENTING", "POOLING"])
def test_a_job_copies_exactly_once_while_it_and_the_server_are_killed(own_server, flink_classes, tmp_path, naming):
    create_topics(own_server, 3, "numbers", "copied")
    job = Job(tmp_path / "job", flink_classes, own_server, "numbers", "copied", naming)
    writer = Numbers(own_server, "numbers")

    progress = Progress(own_server, "copied")
    try:
        job.start()
        writer.start()
        progress.wait(SECONDS, job.alive)
        for _ in range(ROUNDS):
            job.restart()
            progress.wait(SECONDS, job.alive)
            own_server.kill()
            own_server.start()
            progress.wait(SECONDS, job.alive)
        writer.stop()
        wait_for_records(own_server, {"copied": writer.sent["numbers"]}, SECONDS, job.alive)
    finally:
        writer.stopping.set()
        job.kill()
    found = Counter(int(message.value()) for message in committed(own_server, "copied"))
    assert found == Counter(range(writer.sent["numbers"]))
    print(f"{found.total()} records, {ROUNDS} rounds of kills, {naming}")
