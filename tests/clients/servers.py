"""Servers under test, each a process on loopback with a directory of its own: Alluvium, Apache Kafka, SeaweedFS."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = Path(os.environ.get("ALLUVIUM_TEST_CLIENTS", ROOT / "target" / "clients"))
KAFKA_JARS = CLIENTS / "kafka-jars"
KAFKA_39_JARS = CLIENTS / "kafka-3.9-jars"
BINARY = Path(os.environ.get("ALLUVIUM_TEST_BINARY", ROOT / "target" / "release" / "alluvium"))
START_SECONDS = 60
# The shortest session timeout that servers accept here, so that members that are killed are soon replaced.
SESSION_SECONDS_MIN = 3
STOP_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what: str, ready, seconds: float = START_SECONDS, alive=None, pause: float = 0.02):
    """Calls `ready` until it returns something true. Fails after `seconds`, or when `alive` is false."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := ready():
            return answer
        if alive is not None and not alive():
            raise RuntimeError(f"{what}: the process ended")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(pause)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Process:
    """A child process whose output goes to `<directory>/log`."""

    def __init__(self, directory: Path):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "log"
        self.child: subprocess.Popen | None = None

    def spawn(self, command: list, env: dict | None = None):
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [str(part) for part in command], stdout=log, stderr=log, env={**os.environ, **(env or {})}
            )

    def alive(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def stop(self):
        if self.alive():
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self):
        if self.alive():
            self.child.kill()
            self.child.wait()


class Alluvium(Process):
    """`alluvium dev` with its data in `directory`, and its objects there or in a bucket."""

    def __init__(self, directory: Path, *flags: str, env: dict | None = None):
        super().__init__(directory)
        self.kafka_port, self.http_port = free_port(), free_port()
        self.flags, self.env = flags, env or {}

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.kafka_port}"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def http(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=10) as answer:
            return answer.read().decode()

    def ready(self) -> bool:
        try:
            self.http("/readyz")
            return True
        except (urllib.error.URLError, OSError):
            return False

    def start(self) -> "Alluvium":
        self.spawn(
            [BINARY, "dev", "--data-dir", self.data, "--kafka-listen", self.bootstrap,
             "--http-listen", f"127.0.0.1:{self.http_port}", "--group-initial-rebalance-delay", "0s",
             "--group-min-session-timeout", f"{SESSION_SECONDS_MIN}s", *self.flags],
            self.env,
        )
        wait_until("alluvium", self.ready, alive=self.alive)
        return self

    def compact(self):
        """Stops the server (the embedded metastore serves one process), compacts everything, starts again."""
        self.stop()
        command = [BINARY, "compact", "--once", "--data-dir", self.data, *self.flags]
        done = subprocess.run([str(part) for part in command], env={**os.environ, **self.env}, capture_output=True,
                              text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        self.start()
        return done.stdout


class Kafka(Process):
    """One KRaft node of Apache Kafka with its defaults."""

    PROPERTIES: tuple[str, ...] = ()

    def __init__(self, directory: Path):
        super().__init__(directory)
        self.kafka_port, self.controller_port, self.cluster_id = free_port(), free_port(), uuid_base64()

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.kafka_port}"

    def start(self) -> "Kafka":
        properties = self.directory / "server.properties"
        properties.write_text("\n".join([
            "process.roles=broker,controller", "node.id=1",
            f"controller.quorum.bootstrap.servers=127.0.0.1:{self.controller_port}",
            f"listeners=PLAINTEXT://127.0.0.1:{self.kafka_port},CONTROLLER://127.0.0.1:{self.controller_port}",
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.kafka_port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "controller.listener.names=CONTROLLER", f"log.dirs={self.directory / 'logs'}",
            "offsets.topic.replication.factor=1", "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1", "group.initial.rebalance.delay.ms=0",
            *self.PROPERTIES, ""]))
        java_tool("kafka.tools.StorageTool", "format", "--standalone", "--ignore-formatted", f"--cluster-id={self.cluster_id}",
                  "-c", properties)
        self.spawn(java_command("kafka.Kafka", properties, heap="1g"))
        wait_until("kafka", lambda: listens(self.kafka_port), alive=self.alive)
        return self


class ShortSessionsKafka(Kafka):
    """The same, but members that are killed may be replaced soon."""

    PROPERTIES = (f"group.min.session.timeout.ms={SESSION_SECONDS_MIN}000",)


class SyncedKafka(Kafka):
    """The same, but it syncs what it acknowledges to the disk before, as Alluvium does."""

    PROPERTIES = ("log.flush.interval.messages=1",)


class SeaweedFS(Process):
    """A real S3 server with one bucket."""

    BUCKET = "alluvium-test"
    PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
             "s3.port.grpc", "s3.port.iceberg", "s3.port.lance", "admin.port", "admin.port.grpc", "webdav.port")
    CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret"}

    def start(self) -> "SeaweedFS":
        self.port = free_port()
        weed = CLIENTS / "venv" / "bin" / "weed"
        ports = [f"-{role}={free_port()}" for role in self.PORTS]
        self.spawn([weed, "mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={self.directory / 'data'}",
                    f"-bucket={self.BUCKET}", f"-s3.port={self.port}", *ports], self.CREDENTIALS)
        wait_until("seaweedfs", self.has_bucket, alive=self.alive)
        return self

    def client(self):
        import boto3
        from botocore.config import Config

        return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}", region_name="us-east-1",
                            aws_access_key_id=self.CREDENTIALS["AWS_ACCESS_KEY_ID"],
                            aws_secret_access_key=self.CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}))

    def has_bucket(self) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client = self.client()
            client.put_object(Bucket=self.BUCKET, Key="probe", Body=b"")
            client.delete_object(Bucket=self.BUCKET, Key="probe")
            return True
        except (BotoCoreError, ClientError):
            return False

    def flags(self, prefix: str) -> list[str]:
        return ["--store", f"s3://{self.BUCKET}/{prefix}", "--s3-endpoint", f"http://127.0.0.1:{self.port}"]


def java_command(main: str, *args, heap: str = "512m", classes: Path | None = None, jars: Path = KAFKA_JARS) -> list[str]:
    """The command that runs a class of `jars`, or of the directory `classes`. Small processes start with less compilation."""
    level = os.environ.get("ALLUVIUM_TEST_JAVA_LOG", "warn")
    logging = [f"-Dorg.slf4j.simpleLogger.{key}={value}" for key, value in
               (("defaultLogLevel", level), ("logFile", "System.err"), ("showDateTime", "true"), ("dateTimeFormat", "HH:mm:ss.SSS"))]
    small = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"] if heap.endswith("m") else []
    path = f"{jars}/*" if classes is None else f"{classes}:{jars}/*"
    return ["java", f"-Xmx{heap}", *small, *logging, "-cp", path, main, *map(str, args)]


def java_tool(main: str, *args, stdin: str | None = None, seconds: float = 120) -> str:
    """Runs one of Kafka's commands to its end. Returns its output."""
    done = subprocess.run(java_command(main, *args), input=stdin, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, f"{main} {args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def uuid_base64() -> str:
    import base64

    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def have_java() -> bool:
    return shutil.which("java") is not None and KAFKA_JARS.is_dir()
