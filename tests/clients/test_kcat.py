"""kcat (librdkafka from Debian): produce, consume, metadata, a balanced group."""

import json
import shutil
import subprocess
import uuid

import pytest
from conftest import COMPRESSIONS

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
    kcat(cluster, "-P", "-t", topic, "-z", compression, "-K:", "-H", "color=blue", stdin=lines)
    answer = kcat(cluster, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J")
    found = [json.loads(line) for line in answer.splitlines()]
    assert [(one["offset"], one["key"], one["payload"]) for one in found] == [(n, f"key-{n}", f"value-{n}") for n in range(500)]
    assert all(one["headers"] == ["color", "blue"] for one in found)


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
