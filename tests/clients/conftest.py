"""Fixtures: one cluster per store for the whole run, and a fresh topic per test.

`ALLUVIUM_TEST_TARGET=kafka` runs the same tests against Apache Kafka, which is how the tests themselves are checked.
"""

import os
import uuid

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from servers import KAFKA_JARS, Alluvium, Kafka, SeaweedFS, have_java

STORES = ["kafka"] if os.environ.get("ALLUVIUM_TEST_TARGET") == "kafka" else ["directory", "s3"]
COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"]


@pytest.fixture(scope="session", params=STORES)
def cluster(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param)
    servers = []
    try:
        if request.param == "kafka":
            servers.append(Kafka(directory / "kafka").start())
        elif request.param == "directory":
            servers.append(Alluvium(directory / "alluvium").start())
        else:
            bucket = SeaweedFS(directory / "seaweedfs").start()
            servers.append(bucket)
            alluvium = Alluvium(directory / "alluvium", *bucket.flags("clients"), "--linger", "50ms", env=bucket.CREDENTIALS)
            alluvium.bucket = bucket
            servers.append(alluvium.start())
        yield servers[-1]
    finally:
        for server in reversed(servers):
            server.stop()


@pytest.fixture
def admin(cluster):
    return AdminClient({"bootstrap.servers": cluster.bootstrap})


@pytest.fixture
def new_topic(admin):
    """Creates topics that end with the test."""
    made = []

    def create(partitions: int = 1, **config) -> str:
        name = f"clients-{uuid.uuid4().hex[:12]}"
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
