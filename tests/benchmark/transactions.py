"""Transactions of Kafka's Java producer on Alluvium and on Apache Kafka, in turn, on this machine; prints a Markdown table.

Each load runs on a fresh server, once with transactions and once with plain idempotent producers that flush where the
others commit: the difference is what transactions cost. The last column is of Alluvium's metastore: its transactions, and
its attempts after the first, per commit of a producer. `--cluster` measures three agents on FoundationDB (`FDB_HOME`), with
their objects in a directory, instead of the servers of one process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))
sys.path.append(str(HERE.parent / "chaos"))

from servers import KAFKA_JARS, Alluvium, Kafka, java_command  # noqa: E402

# What it is; producers, partitions, bytes of a record, records of a transaction (0: as many as fit), ms between commits.
LOADS = {
    "1 producer, 8 partitions, a commit every 10 ms": (1, 8, 1024, 0, 10),
    "1 producer, 8 partitions, a commit every 100 ms": (1, 8, 1024, 0, 100),
    "200 producers, 1 partition, commits of 1 record": (200, 1, 100, 1, 0),
    "1 producer, 1,000 partitions, commits of a record to each": (1, 1000, 100, 1000, 0),
}
HEADER = ("server", "load", "transactional", "records/s", "commits/s", "commit p50/p99/max ms", "metastore transactions/retries a commit")
# For 200 producers in one Java process.
LOAD_HEAP = "2g"
WARM_UP_SECONDS = 4
AGENTS_MEET_SECONDS = 3


class AgentsOnFoundationDb:
    """Three agents and two compactors on FoundationDB; their objects are in a directory."""

    def __init__(self, directory: Path):
        from across_agents import in_a_directory
        from cluster import Cluster
        from network import Network

        self.cluster = Cluster(directory, Network(is_private=False))
        in_a_directory(self.cluster)

    @property
    def bootstrap(self) -> str:
        return ",".join(agent.bootstrap for agent in self.cluster.agents)

    def metrics(self) -> list[str]:
        return [agent.url("/metrics") for agent in self.cluster.agents]

    def start(self):
        self.cluster.start()
        time.sleep(AGENTS_MEET_SECONDS)

    def stop(self):
        for server in self.cluster.servers:
            server.kill()


def compiled(into: Path) -> Path:
    command = ["javac", "-cp", f"{KAFKA_JARS}/*", "-d", into, HERE / "TransactionLoad.java"]
    subprocess.run([str(part) for part in command], check=True)
    return into


def metastore_counts(server) -> tuple[float, float]:
    """Transactions and retries of the metastore so far; NaN of Kafka."""
    if isinstance(server, Alluvium):
        pages = [f"http://127.0.0.1:{server.http_port}/metrics"]
    elif isinstance(server, AgentsOnFoundationDb):
        pages = server.metrics()
    else:
        return float("nan"), float("nan")
    sums = {"alluvium_kv_commits_total": 0.0, "alluvium_kv_retries_total": 0.0}
    for page in pages:
        with urllib.request.urlopen(page, timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                name = line.split("{")[0].split(" ")[0]
                if name in sums:
                    sums[name] += float(line.split()[-1])
    return tuple(sums.values())


def run(server, classes: Path, load: tuple, seconds: int, is_transactional: bool) -> dict:
    java = java_command("TransactionLoad", server.bootstrap, *load, seconds, "load-" if is_transactional else "-", heap=LOAD_HEAP)
    java[java.index("-cp") + 1] += os.pathsep + str(classes)
    done = subprocess.run(java, capture_output=True, text=True, timeout=seconds * 10 + 120)
    if done.returncode != 0:
        sys.exit(f"the load failed: {done.stdout}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(kind, classes: Path, load: tuple, seconds: int, is_transactional: bool) -> tuple:
    with tempfile.TemporaryDirectory(prefix="alluvium-transactions-", ignore_cleanup_errors=True) as scratch:
        server = kind(Path(scratch) / "server")
        server.start()
        try:
            if kind is Kafka:
                run(server, classes, load, WARM_UP_SECONDS, is_transactional)
            before = metastore_counts(server)
            report = run(server, classes, load, seconds, is_transactional)
            after = metastore_counts(server)
        finally:
            server.stop()
    os.sync()
    ends, took = report["ends"], report["end_ms"]
    metastore = " / ".join(f"{(late - early) / ends:.2f}" for early, late in zip(before, after)) if kind is not Kafka else ""
    return ("yes" if is_transactional else "no", f"{report['records'] / report['seconds']:,.0f}",
            f"{ends / report['seconds']:,.1f}", f"{took['p500']:.1f} / {took['p990']:.1f} / {took['p1000']:.1f}", metastore)


def main():
    parser = argparse.ArgumentParser(prog="tests/benchmark/transactions", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=int, default=10, help="of each load (10)")
    parser.add_argument("--load", help="only the loads whose names contain this")
    parser.add_argument("--server", choices=["alluvium", "kafka"], help="only this one")
    parser.add_argument("--cluster", action="store_true", help="three agents on FoundationDB, and nothing else")
    options = parser.parse_args()
    kinds = [AgentsOnFoundationDb] if options.cluster else [Alluvium, Kafka]
    kinds = [kind for kind in kinds if options.server in (None, kind.__name__.lower())]
    print("| " + " | ".join(HEADER) + " |", "|---" * len(HEADER) + "|", sep="\n")
    with tempfile.TemporaryDirectory() as scratch:
        classes = compiled(Path(scratch))
        for name, load in LOADS.items():
            for kind in kinds if options.load is None or options.load in name else []:
                for is_transactional in (True, False):
                    cells = measure(kind, classes, load, options.seconds, is_transactional)
                    print("| " + " | ".join((kind.__name__, name, *cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
