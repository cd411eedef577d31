"""franz-go, sarama, kafkajs and rdkafka: each runs the same scenarios, in a program of its own in `go/`, `node/` and `rust/`."""

import shutil
import uuid
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import LONG
from processes import Program, Writer
from reading import Progress, committed, create_topics, wait_for_records
from servers import CLIENTS

SECONDS = 120
ROUNDS = 5 if LONG else 1
BINARIES = {"franz": CLIENTS / "go" / "franz", "sarama": CLIENTS / "go" / "sarama",
            "rdkafka": CLIENTS / "rust-target" / "release" / "rdkafka"}
MODULES = CLIENTS / "node" / "node_modules"
NODE = {"NODE_PATH": str(MODULES)}
# kafkajs says nothing about its group's generation when it commits offsets, so two of them could copy a record twice, on Kafka too.
INSTANCES = {"franz": 2, "sarama": 2, "kafkajs": 1, "rdkafka": 2}


def command(client: str) -> list:
    return [BINARIES[client]] if client in BINARIES else ["node", Path(__file__).parent / "node" / "kafkajs.js"]


def why_missing(client: str) -> str | None:
    if client in BINARIES:
        return None if BINARIES[client].exists() else f"no {BINARIES[client]}: tests/clients/install says why"
    return None if shutil.which("node") and MODULES.is_dir() else f"no Node, or no {MODULES}"


@pytest.fixture(scope="session")
def scenarios(cluster, tmp_path_factory):
    """The scenarios of all clients, which mostly wait, run at once on each cluster. Each test waits for one of them."""
    started = {}
    for client in INSTANCES:
        if why_missing(client):
            continue
        name = f"{client}-{uuid.uuid4().hex[:8]}"
        create_topics(cluster, 1, f"{name}-transactions")
        for scenario, arguments in (("basics", [name, f"{name}-group"]), ("transactions", [f"{name}-transactions"])):
            program = Program(tmp_path_factory.mktemp(f"{client}-{scenario}"),
                              [*command(client), scenario, cluster.bootstrap, *arguments], NODE)
            started[client, scenario] = program.start()
    yield started
    for program in started.values():
        program.kill()


@pytest.mark.parametrize("client", INSTANCES)
@pytest.mark.parametrize("scenario", ["basics", "transactions"])
def test_scenario(cluster, scenarios, client, scenario):
    """Topics, compressions, groups and their administration; commit, abort, fence and timeout."""
    if reason := why_missing(client):
        pytest.skip(reason)
    program = scenarios[client, scenario]
    assert program.child.wait(SECONDS) == 0 and "all is well" in program.output(), program.output()[-4_000:]


class Numbers(Writer):
    """Numbers, in the order of their partition."""

    # Times 50 per second: the slowest client copies 145 records per second on S3. If it falls behind, the last of them may not
    # be copied in time.
    AT_ONCE = 2

    def __init__(self, server, topic):
        super().__init__(server)
        self.topic = topic

    def write_some(self):
        for _ in range(self.AT_ONCE):
            number = self.sent.get(self.topic, 0)
            self.send(self.topic, str(number), partition=number % 3)


def test_copies_are_whole_while_copiers_and_the_server_are_killed(own_server, tmp_path):
    """All clients copy at once, each to a topic of its own."""
    clients = [client for client in INSTANCES if not why_missing(client)]
    if not clients:
        pytest.skip("none of these clients: tests/clients/install says why")
    source, sinks = "numbers", {client: f"copied-by-{client}" for client in clients}
    create_topics(own_server, 3, source, *sinks.values())
    copiers = [Program(tmp_path / f"{client}-{number}",
                       [*command(client), "copy", own_server.bootstrap, source, sinks[client], f"group-{client}",
                        f"{client}-{number}"], NODE)
               for client in clients for number in range(INSTANCES[client])]
    writer = Numbers(own_server, source)

    progress = Progress(own_server, *sinks.values())
    try:
        for copier in copiers:
            copier.start()
        writer.start()
        progress.wait(SECONDS)
        for _ in range(ROUNDS):
            for copier in copiers[::2]:
                copier.restart()
            progress.wait(SECONDS)
            own_server.kill()
            own_server.start()
            progress.wait(SECONDS)
        writer.stop()
        sent = Counter(int(message.value()) for message in committed(own_server, source))
        assert sent == Counter(range(writer.sent[source]))
        # If records are missing by then, they are named below.
        with suppress(TimeoutError):
            wait_for_records(own_server, {sink: sent.total() for sink in sinks.values()}, SECONDS)
    finally:
        writer.stopping.set()
        for copier in copiers:
            copier.kill()
    for client, sink in sinks.items():
        found = Counter(int(message.value()) for message in committed(own_server, sink))
        assert found == sent, f"{client}: lost {list((sent - found))[:5]}, doubled {list((found - sent))[:5]}"
    print(f"{sent.total()} records, copied by {clients}, {ROUNDS} rounds of kills")
