"""The cluster: FoundationDB, an S3 server, agents in two zones, compactors; each is a process that can be killed and paused."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "clients"))
from servers import BINARY, CLIENTS, Process, SeaweedFS, free_port, wait_until  # noqa: E402

from network import Network, Place  # noqa: E402

ZONES = ["a", "a", "b"]
COMPACTORS = 2
STOP_SECONDS = 60
PREFIX = "chaos"
# Short, so that ten minutes include compaction, retirement and deletion, and many segments.
GRACE_SECONDS = 10
COMPACTION = ["--compaction-interval", "1s", "--compaction-age", "5s", "--retire-grace", f"{GRACE_SECONDS}s"]


class Server(Process):
    """A process at a place in the network, which can be signalled."""

    def __init__(self, directory: Path, place: Place, kind: str, name: str):
        super().__init__(directory / name)
        self.place, self.kind, self.name = place, kind, name
        self.is_paused = False

    def run(self, command: list, env: dict | None = None):
        self.spawn([*self.place.prefix, *command], env)
        self.is_paused = False

    def pause(self):
        self.child.send_signal(signal.SIGSTOP)
        self.is_paused = True

    def resume(self):
        if self.is_paused and self.alive():
            self.child.send_signal(signal.SIGCONT)
        self.is_paused = False

    def stop(self) -> int | None:
        """Sends SIGTERM. Returns the exit code; None if the process had to be killed."""
        self.resume()
        if not self.alive():
            return None
        self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def answers(self, url: str) -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status < 500
        except (urllib.error.URLError, OSError):
            return False


class FoundationDB(Server):
    """One fdbserver process with its rows on disk."""

    def __init__(self, directory: Path, place: Place):
        super().__init__(directory, place, "foundationdb", "foundationdb")
        self.home = Path(os.environ["FDB_HOME"])
        self.port = free_port()
        self.cluster_file = self.directory / "fdb.cluster"
        self.cluster_file.write_text(f"chaos:chaos@{place.address}:{self.port}\n")
        self.is_configured = False

    def start(self):
        address = f"{self.place.address}:{self.port}"
        self.run([self.home / "bin/fdbserver", "-C", self.cluster_file, "-p", address, "-l", address,
                  "-d", self.directory / "rows", "-L", self.directory / "trace", "--knob_disable_posix_kernel_aio=1"])
        if not self.is_configured:
            wait_until("configuring FoundationDB", self.configured, alive=self.alive)
            self.is_configured = True
        wait_until("FoundationDB", self.ready, alive=self.alive)

    def cli(self, command: str) -> str:
        asked = [self.home / "bin/fdbcli", "-C", self.cluster_file, "--timeout", "5", "--exec", command]
        done = subprocess.run([str(part) for part in asked], capture_output=True, text=True)
        return done.stdout + done.stderr

    def configured(self) -> bool:
        said = self.cli("configure new single ssd")
        return "Database created" in said or "already exists" in said

    def ready(self) -> bool:
        return "database is available" in self.cli("status minimal")


class Bucket(Server, SeaweedFS):
    """A real S3 server."""

    def __init__(self, directory: Path, place: Place):
        Server.__init__(self, directory, place, "s3", "s3")
        self.port = free_port()
        self.ports = [f"-{role}={free_port()}" for role in self.PORTS]

    def start(self):
        weed, address = CLIENTS / "venv" / "bin" / "weed", self.place.address
        self.run([weed, "mini", f"-ip={address}", f"-ip.bind={address}", f"-dir={self.directory / 'data'}",
                  f"-bucket={self.BUCKET}", f"-s3.port={self.port}", *self.ports], self.CREDENTIALS)
        wait_until("the S3 server", self.has_bucket, alive=self.alive)

    @property
    def endpoint(self) -> str:
        return f"http://{self.place.address}:{self.port}"

    def client(self):
        import boto3
        from botocore.config import Config

        config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, connect_timeout=2, read_timeout=10)
        return boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1", config=config,
                            aws_access_key_id=self.CREDENTIALS["AWS_ACCESS_KEY_ID"],
                            aws_secret_access_key=self.CREDENTIALS["AWS_SECRET_ACCESS_KEY"])

    def listed(self) -> dict[str, float]:
        """All objects under our prefix: relative key, and when the object was written."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=self.BUCKET, Prefix=f"{PREFIX}/")
        return {item["Key"].removeprefix(f"{PREFIX}/"): item["LastModified"].timestamp()
                for page in pages for item in page.get("Contents", [])}

    def end(self, key: str) -> bytes:
        """The last bytes of an object under our prefix."""
        return self.client().get_object(Bucket=self.BUCKET, Key=f"{PREFIX}/{key}", Range="bytes=-65536")["Body"].read()


class Alluvium(Server):
    """An Alluvium process that uses both stores."""

    def __init__(self, directory: Path, place: Place, kind: str, name: str, fdb: FoundationDB, bucket: Bucket):
        super().__init__(directory, place, kind, name)
        self.http_port = free_port()
        self.env = {**Bucket.CREDENTIALS, "AWS_EC2_METADATA_DISABLED": "true"}
        self.stores = ["--metastore", f"fdb://{fdb.cluster_file}", "--metastore-prefix", PREFIX,
                       "--store", f"s3://{Bucket.BUCKET}/{PREFIX}", "--s3-endpoint", bucket.endpoint, *COMPACTION]
        self.flags: list[str] = []

    def start(self, wait: bool = True):
        http = f"{self.place.address}:{self.http_port}"
        self.run([BINARY, self.kind, "--http-listen", http, *self.flags, *self.stores], self.env)
        if wait:
            wait_until(self.name, self.ready, alive=self.alive)

    def url(self, path: str) -> str:
        return f"http://{self.place.address}:{self.http_port}{path}"

    def ready(self) -> bool:
        return self.answers(self.url("/readyz"))


class Agent(Alluvium):
    def __init__(self, directory: Path, place: Place, number: int, zone: str, fdb: FoundationDB, bucket: Bucket):
        super().__init__(directory, place, "gateway", f"agent-{number}{zone}", fdb, bucket)
        self.zone, self.kafka_port = zone, free_port()
        self.flags = ["--kafka-listen", self.bootstrap, "--zone", zone, "--linger", "50ms",
                      "--group-initial-rebalance-delay", "0s"]

    @property
    def bootstrap(self) -> str:
        return f"{self.place.address}:{self.kafka_port}"


class Compactor(Alluvium):
    def __init__(self, directory: Path, place: Place, number: int, fdb: FoundationDB, bucket: Bucket):
        super().__init__(directory, place, "compactor", f"compactor-{number}", fdb, bucket)

    def once(self, *flags: str) -> str:
        """Compacts everything now, in a process of its own."""
        command = [BINARY, "compactor", "--once", *self.stores, *flags]
        done = subprocess.run([str(part) for part in command], env={**os.environ, **self.env}, capture_output=True,
                              text=True, timeout=600)
        if done.returncode != 0:
            raise RuntimeError(f"alluvium compactor --once: {done.stderr[-2000:]}")
        return done.stdout


class Cluster:
    def __init__(self, directory: Path, network: Network):
        self.network, self.directory = network, directory
        self.clients = network.hub()
        self.fdb = FoundationDB(directory, network.hub())
        self.bucket = Bucket(directory, network.hub())
        stores = (self.fdb, self.bucket)
        self.agents = [Agent(directory, network.spoke(f"agent{number}"), number, zone, *stores)
                       for number, zone in enumerate(ZONES, 1)]
        self.compactors = [Compactor(directory, network.spoke(f"compactor{number}"), number, *stores)
                           for number in range(1, COMPACTORS + 1)]

    @property
    def servers(self) -> list[Server]:
        return [self.fdb, self.bucket, *self.agents, *self.compactors]

    @property
    def bootstrap(self) -> str:
        return ",".join(agent.bootstrap for agent in self.agents)

    def start(self):
        self.fdb.start()
        self.bucket.start()
        # One after another: they get the ids 0, 1, 2 in this order.
        for server in [*self.agents, *self.compactors]:
            server.start()

    def wait_until_ready(self):
        for server in self.servers:
            wait_until(server.name, server.has_bucket if server is self.bucket else server.ready, alive=server.alive)

    def stop(self) -> list[str]:
        """Stops all processes. Returns a violation for each that does not exit with 0."""
        bad = []
        for server in [*self.agents, *self.compactors]:
            began, code = time.monotonic(), server.stop()
            if code != 0:
                bad.append(f"{server.name} ended with {code} after {time.monotonic() - began:.1f} s")
        for server in [self.bucket, self.fdb]:
            server.kill()
        return bad
