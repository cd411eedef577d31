"""Fixtures: one cluster per store for the whole run, and a fresh topic per test.

`ALLUVIUM_TEST_TARGET=kafka` runs the same tests against Apache Kafka, which is how the tests themselves are checked.
`ALLUVIUM_TEST_LONG=1` runs the tests that kill servers and clients for longer, on every store.
"""

import os
import subprocess
import uuid
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from servers import KAFKA_39_JARS, KAFKA_JARS, Alluvium, SeaweedFS, ShortSessionsKafka, have_java

STORES = ["kafka"] if os.environ.get("ALLUVIUM_TEST_TARGET") == "kafka" else ["directory", "s3"]
LONG = bool(os.environ.get("ALLUVIUM_TEST_LONG"))
COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"]


def pytest_report_header():
    return f"form: {'long' if LONG else 'short (ALLUVIUM_TEST_LONG=1 kills clients and servers more often, on every store)'}"


def start_servers(store: str, directory: Path, servers: list):
    """Starts what `store` needs, and appends it to `servers`; the last one is what clients talk to."""
    if store == "kafka":
        servers.append(ShortSessionsKafka(directory / "kafka"))
    elif store == "directory":
        servers.append(Alluvium(directory / "alluvium"))
    else:
        bucket = SeaweedFS(directory / "seaweedfs")
        servers.append(bucket)
        bucket.start()
        alluvium = Alluvium(directory / "alluvium", *bucket.flags("clients"), "--linger", "50ms", env=bucket.CREDENTIALS)
        alluvium.bucket = bucket
        servers.append(alluvium)
    servers[-1].start()


def running(store: str, directory: Path):
    servers = []
    try:
        start_servers(store, directory, servers)
        yield servers[-1]
    finally:
        for server in reversed(servers):
            server.stop()


@pytest.fixture(scope="session", params=STORES)
def cluster(request, tmp_path_factory):
    yield from running(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(params=STORES if LONG else STORES[-1:])
def own_server(request, tmp_path):
    """A server that belongs to one test, which may kill it and start it again."""
    yield from running(request.param, tmp_path / request.param)


@pytest.fixture
def admin(cluster):
    return AdminClient({"bootstrap.servers": cluster.bootstrap})


@pytest.fixture
def new_topic(admin):
    """Creates topics that end with the test."""
    made = []

    def create(partitions: int = 1, **config) -> str:
        name = f"clients-{uuid.uuid4().hex[:12]}"
        # Some tests write records that are older than the default retention.
        config = {"retention.ms": "-1", **config}
        admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(30)
        made.append(name)
        return name

    yield create
    for name in made:
        try:
            admin.delete_topics([name])[name].result(30)
        except Exception:  # noqa: BLE001 - the test may have deleted it
            pass


@pytest.fixture
def java():
    if not have_java():
        pytest.skip(f"no Java, or no Kafka jars in {KAFKA_JARS}")


@pytest.fixture(scope="session")
def java_classes(tmp_path_factory) -> Path:
    """The programs in `java/`, compiled with the oldest jars that they run with."""
    if not have_java():
        pytest.skip(f"no Java, or no Kafka jars in {KAFKA_JARS}")
    classes = tmp_path_factory.mktemp("classes")
    sources = sorted(str(source) for source in (Path(__file__).parent / "java").glob("*.java"))
    command = ["javac", "-d", str(classes), "-cp", f"{KAFKA_39_JARS}/*", *sources]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return classes
