"""What is under load: one process with the embedded metastore, or three agents and two compactors over FoundationDB and S3.

Ages are short by default, so that two minutes have many cycles of compaction, retirement and deletion.
"""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "clients"), str(TESTS / "chaos")]
from cluster import COMPACTION, Cluster  # noqa: E402
from network import Network  # noqa: E402
from servers import BINARY, Alluvium, Process  # noqa: E402

# Retention looks as often as compaction does, not every five minutes.
AGES = [*COMPACTION, "--retention-check-interval", "1s"]
# Small, so that caches are full before the second half of a short run.
MEMORY = ["--cache-bytes", "64MiB"]
# Of the length of a run: what waits for compaction may take at most so much of it, but no longer than by default, so that
# producers at full speed are throttled before the second half of a short run.
DELAY_SHARE = 12
DELAY_SECONDS = (5, 60)


def agents_for(seconds: float) -> list[str]:
    """The agents' flags for a run of `seconds`."""
    shortest, longest = DELAY_SECONDS
    return [*MEMORY, "--compaction-delay-max", f"{max(shortest, min(longest, int(seconds / DELAY_SHARE)))}s"]


class Embedded:
    """`alluvium dev` with its objects in a directory."""

    name = "embedded"

    def __init__(self, directory: Path, agents: list[str], compaction: list[str] = AGES):
        self.server = Alluvium(directory / "alluvium", *known("dev", compaction), *agents)

    @classmethod
    def missing(cls) -> str:
        """Why it cannot run here; empty if it can."""
        return "" if BINARY.exists() else f"no {BINARY}; build it first: cargo build --release"

    def start(self):
        self.server.start()

    @property
    def processes(self) -> dict[str, Process]:
        """Alluvium's processes by name."""
        return {"alluvium": self.server}

    @property
    def http_addresses(self) -> dict[str, str]:
        """Where each process answers HTTP."""
        return {"alluvium": f"127.0.0.1:{self.server.http_port}"}

    @property
    def agents(self) -> list[str]:
        """Names of the processes that serve clients."""
        return ["alluvium"]

    @property
    def kafka_addresses(self) -> list[str]:
        return [self.server.bootstrap]

    def object_count(self) -> int:
        return sum(len(files) for _, _, files in os.walk(self.server.data / "objects"))

    def stop(self):
        self.server.stop()


class ThreeAgents:
    """The cluster of the chaos test, without its faults."""

    name = "cluster"

    def __init__(self, directory: Path, agents: list[str], compaction: list[str] = AGES):
        self.cluster = Cluster(directory, Network(is_private=False))
        for server in self.servers:
            server.stores = [*server.stores[:-len(COMPACTION)], *known(server.kind, compaction)]
        for agent in self.cluster.agents:
            agent.flags = without(agent.flags, agents) + agents

    @classmethod
    def missing(cls) -> str:
        if not os.environ.get("FDB_HOME"):
            return "FDB_HOME names no installation of FoundationDB (bin/fdbserver, bin/fdbcli, lib/libfdb_c.so)"
        return Embedded.missing()

    def start(self):
        self.cluster.start()

    @property
    def servers(self) -> list:
        return [*self.cluster.agents, *self.cluster.compactors]

    @property
    def processes(self) -> dict[str, Process]:
        return {server.name: server for server in self.servers}

    @property
    def http_addresses(self) -> dict[str, str]:
        return {server.name: f"{server.place.address}:{server.http_port}" for server in self.servers}

    @property
    def agents(self) -> list[str]:
        return [agent.name for agent in self.cluster.agents]

    @property
    def kafka_addresses(self) -> list[str]:
        return [agent.bootstrap for agent in self.cluster.agents]

    def object_count(self) -> int:
        return len(self.cluster.bucket.listed())

    def stop(self):
        for server in self.cluster.servers:
            server.kill()


def known(role: str, flags: list[str]) -> list[str]:
    """`flags`, pairs of name and value, without those that the binary does not have: an older one can be compared."""
    options = subprocess.run([BINARY, role, "--help"], capture_output=True, text=True, check=True).stdout
    return [part for name, value in zip(flags[::2], flags[1::2]) if name in options for part in (name, value)]


def without(flags: list[str], others: list[str]) -> list[str]:
    """`flags`, pairs of name and value, without those that `others` have."""
    pairs = zip(flags[::2], flags[1::2])
    return [part for name, value in pairs if name not in others[::2] for part in (name, value)]
