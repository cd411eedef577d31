"""Latency from one agent to another: three agents in two zones over one FoundationDB, each a process. Records are
produced through one agent and consumed from the same one, from another one of its zone, and from one of another zone.

    tests/benchmark/across_agents --seconds 20          # objects in a directory, then in a real S3 server
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

sys.path.append(str(Path(__file__).resolve().parents[1] / "chaos"))
from cluster import BINARY, Agent, Cluster  # noqa: E402
from network import Network  # noqa: E402

# Agents find each other by heartbeats.
ACQUAINTANCE_SECONDS = 3
LOAD = ["--partitions", "4", "--record-bytes", "1KiB", "--producers", "1", "--consumers", "1", "--batch-linger", "0ms"]
HEADER = ("objects", "consumed from", "records", "produce p50/p99 ms", "end-to-end p50/p99 ms", "GETs of that agent")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/benchmark/across_agents", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=int, default=20, help="of load for each line (20)")
    parser.add_argument("--rate", type=int, default=100, help="records per second (100)")
    return parser.parse_args()


def in_a_directory(cluster: Cluster):
    """Lets all processes keep their objects in one directory, and flush as a single process does there."""
    for server in [*cluster.agents, *cluster.compactors]:
        at = server.stores.index("--store")
        server.stores[at:at + 4] = ["--store", str(cluster.directory / "objects")]
    linger(cluster, "1ms")


def on_s3(cluster: Cluster):
    """The default configuration."""
    linger(cluster, "250ms")


def linger(cluster: Cluster, time: str):
    for agent in cluster.agents:
        agent.flags[agent.flags.index("--linger") + 1] = time


def gets(agent: Agent) -> int:
    with urllib.request.urlopen(agent.url("/metrics"), timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith("alluvium_object_gets_total"))


def measured(producing: Agent, consuming: Agent, options: argparse.Namespace) -> dict:
    command = [BINARY, "bench", "--bootstrap", producing.bootstrap, "--produce-to", producing.bootstrap, "--consume-from",
               consuming.bootstrap, "--rate", options.rate, "--duration", f"{options.seconds}s", "--json", *LOAD]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=options.seconds + 120)
    if done.returncode != 0:
        raise RuntimeError(f"alluvium bench: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def row(*cells) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def run(where: str, prepare, options: argparse.Namespace) -> int:
    violations = 0
    with tempfile.TemporaryDirectory(prefix="alluvium-across-", ignore_cleanup_errors=True) as directory:
        cluster = Cluster(Path(directory), Network(is_private=False))
        prepare(cluster)
        try:
            cluster.start()
            time.sleep(ACQUAINTANCE_SECONDS)
            first, neighbour, far = cluster.agents
            pairs = {"the same agent": first, "another of its zone": neighbour, "one of another zone": far}
            for who, consuming in pairs.items():
                before = gets(consuming)
                report = measured(first, consuming, options)
                produce, whole = report["produce_ms"], report["end_to_end_ms"]
                violations += report["violations"]
                print(row(where, who, report["records"], f"{produce['p50']:.1f} / {produce['p99']:.1f}",
                          f"{whole['p50']:.1f} / {whole['p99']:.1f}", gets(consuming) - before), flush=True)
        finally:
            for server in cluster.servers:
                server.kill()
    return violations


def main() -> int:
    options = arguments()
    if not os.environ.get("FDB_HOME"):
        print("across_agents: skipped: FDB_HOME names no installation of FoundationDB")
        return 0
    print(row(*HEADER), row(*("---" for _ in HEADER)), sep="\n")
    violations = run("directory", in_a_directory, options) + run("S3", on_s3, options)
    print(f"{violations} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
