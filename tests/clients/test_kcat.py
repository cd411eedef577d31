"""kcat (librdkafka from Debian): produce, consume, metadata, a balanced group."""

import json
import shutil
import subprocess
import time
import uuid

import pytest
from conftest import COMPRESSIONS
from servers import wait_until

pytestmark = pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed")


def kcat(cluster, *args, stdin: str | None = None) -> str:
    done = subprocess.run(["kcat", "-b", cluster.bootstrap, *args], input=stdin, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "does not support compression" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_lines_come_back_as_they_were_sent(cluster, new_topic, compression):
    topic = new_topic()
    lines = "".join(f"key-{n}:value-{n}\n" for n in range(500))
    began = time.time() * 1000
    kcat(cluster, "-P", "-t", topic, "-z", compression, "-K:", "-H", "color=blue", stdin=lines)
    answer = kcat(cluster, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J")
    found = [json.loads(line) for line in answer.splitlines()]
    assert [(one["offset"], one["key"], one["payload"]) for one in found] == [(n, f"key-{n}", f"value-{n}") for n in range(500)]
    assert all(one["headers"] == ["color", "blue"] for one in found)
    assert all(one["tstype"] == "create" and began - 1 <= one["ts"] <= time.time() * 1000 for one in found)


def test_metadata_lists_the_topic(cluster, new_topic):
    topic = new_topic(3)
    listing = json.loads(kcat(cluster, "-L", "-J"))
    assert [len(one["partitions"]) for one in listing["topics"] if one["topic"] == topic] == [3]


def test_a_topic_is_created_by_producing_to_it(cluster):
    topic = f"clients-auto-{uuid.uuid4().hex[:8]}"
    kcat(cluster, "-P", "-t", topic, stdin="hello\n")
    assert kcat(cluster, "-C", "-t", topic, "-o", "beginning", "-e", "-q") == "hello\n"


def test_a_balanced_consumer_reads_and_commits(cluster, new_topic):
    topic, group = new_topic(2), f"g-{uuid.uuid4().hex}"
    kcat(cluster, "-P", "-t", topic, stdin="".join(f"{n}\n" for n in range(100)))
    answer = kcat(cluster, "-G", group, "-X", "auto.offset.reset=earliest", "-c", "100", "-q", topic)
    assert sorted(map(int, answer.split())) == list(range(100))


class Member(subprocess.Popen):
    """A `kcat -G` whose lines (partition and offset) go to a file."""

    def __init__(self, cluster, topic, group, output):
        self.output = output
        command = ["kcat", "-b", cluster.bootstrap, "-G", group, "-X", "auto.offset.reset=earliest", "-X",
                   "session.timeout.ms=6000", "-u", "-q", "-f", "%p %o\\n", topic]
        super().__init__(command, stdout=output.open("w"), stderr=subprocess.DEVNULL)

    def found(self) -> list[tuple[int, int]]:
        return [tuple(map(int, line.split())) for line in self.output.read_text().splitlines()]


def test_a_group_of_three_shares_the_partitions_and_rebalances(cluster, new_topic, tmp_path):
    topic, group = new_topic(6), f"g-{uuid.uuid4().hex}"
    members = [Member(cluster, topic, group, tmp_path / f"{number}") for number in range(3)]

    def produce_until(all_of):
        """Sends one record to each partition per round, until each of `all_of` has received some of one round."""
        before = [set(member.found()) for member in members]
        for partition in range(6):
            kcat(cluster, "-P", "-t", topic, "-p", str(partition), stdin="x\n")
        produced[0] += 1
        wait_until("every record", lambda: len({one for member in members for one in member.found()}) == 6 * produced[0])
        return all(set(member.found()) > earlier for member, earlier in zip(members, before) if member in all_of)

    produced = [0]
    try:
        wait_until("three members share", lambda: produce_until(members))
        members[0].terminate()
        members[0].wait(30)
        wait_until("two members share", lambda: produce_until(members[1:]))
    finally:
        for member in members:
            member.kill()
            member.wait()
    assert {one for member in members for one in member.found()} == {(p, o) for p in range(6) for o in range(produced[0])}
