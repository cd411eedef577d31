"""What partitions cost that nobody uses, and what little use of many costs: on one process, and on three agents with two
compactors if there is FoundationDB (FDB_HOME).

    tests/scale/run             # 100,000 partitions in 10,000 topics; by hand, about half an hour
    tests/scale/run --smoke     # 2,000 partitions in 200 topics

It creates a tenth of the topics, measures, creates the others, and measures again on the same processes: costs of rounds of
the compactor while nothing happens, memory, Metadata requests. Then a load on 10 hot partitions while each hundredth (of the
tenth, then of all) gets a record now and then. It prints a table, writes all figures as JSON, and fails if a bound does not hold (bounds.py): none of
them is a time, they compare the two sizes.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "soak"))
from bounds import Size, broken  # noqa: E402
from metadata import fastest_ms, idle_connections  # noqa: E402
from sampler import cpu_seconds, metrics, resident_bytes, rows  # noqa: E402
from targets import TESTS, Embedded, ThreeAgents  # noqa: E402

from confluent_kafka import Producer  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

PARTITIONS_OF_TOPIC = 10
HOT_PARTITIONS = 10
# Of each hot partition.
HOT_RECORDS_PER_SECOND = 100
RECORD = b"x" * 1024
# Of all partitions: each gets a small record now and then.
SLIGHTLY_ACTIVE = 0.01
SMALL_RECORD = b"y" * 100
# Topics that are created by one request.
REQUEST_TOPICS = 200
ANSWER_SECONDS = 300
# S3's default, so that PUTs per hour are those of a cluster on S3.
AGENTS = ["--linger", "250ms"]
# A small run must see many rounds within seconds.
SMOKE = {"topics": 200, "seconds": 8.0, "pause": 3.0, "connections": 200,
         "compaction": ["--compaction-interval", "1s", "--compaction-age", "4s"]}
FULL = {"topics": 10_000, "seconds": 120.0, "pause": 60.0, "connections": 1_000, "compaction": []}
MIB = 1 << 20


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/scale/run", description=__doc__.split("\n\n")[0])
    parser.add_argument("--smoke", action="store_true", help="2,000 partitions, seconds instead of minutes")
    parser.add_argument("--topics", type=int, help="topics, with 10 partitions each (10,000)")
    parser.add_argument("--seconds", type=float, help="of each measurement (120)")
    parser.add_argument("--into", type=Path, default=TESTS.parent / "target" / "scale", help="where results go (target/scale)")
    options = parser.parse_args()
    given = {name: value for name, value in vars(options).items() if value is not None}
    return argparse.Namespace(**{**(SMOKE if options.smoke else FULL), **given})


def say(text: str):
    print(text, flush=True)


def create(target, numbers: range) -> float:
    """Creates topics. Returns how many seconds it took."""
    admin = AdminClient({"log_level": 0, "bootstrap.servers": target.kafka_addresses[0]})
    began = time.monotonic()
    for first in range(numbers.start, numbers.stop, REQUEST_TOPICS):
        names = [name_of(number) for number in range(first, min(first + REQUEST_TOPICS, numbers.stop))]
        made: dict[str, Future] = admin.create_topics([NewTopic(name, PARTITIONS_OF_TOPIC, 1) for name in names],
                                                      request_timeout=ANSWER_SECONDS)
        for one in made.values():
            one.result(ANSWER_SECONDS)
    return time.monotonic() - began


def name_of(topic: int) -> str:
    return f"scale-{topic:05}"


def counted(target) -> dict[str, float]:
    """Counters of all processes together."""
    found: dict[str, float] = {"at": time.monotonic(), "cpu_seconds": 0.0}
    for name, process in target.processes.items():
        found["cpu_seconds"] += cpu_seconds(process.child.pid)
        values = metrics(target.http_addresses[name])
        for counter in ("kv_transactions_total", "kv_bytes_read_total", "kv_rows_written_total", "kv_bytes_written_total",
                        "object_puts_total", "compaction_files_total", "log_commits_total", "segment_bytes_total"):
            found[counter] = found.get(counter, 0.0) + values[counter]
    return found


def growth(before: dict[str, float], after: dict[str, float], seconds: float) -> dict[str, float]:
    """What each counter grew by, per `seconds`."""
    factor = seconds / (after["at"] - before["at"])
    return {name: (after[name] - before[name]) * factor for name in before if name != "at"}


def idle(target, seconds: float) -> dict[str, float]:
    """Costs per minute while no client does anything."""
    before = counted(target)
    time.sleep(seconds)
    return growth(before, counted(target), 60)


def active(target, partitions: int, seconds: float, period: float) -> dict[str, float]:
    """Costs per hour of a load on a few hot partitions and on each hundredth: those get a record every `period`."""
    producer = Producer({"log_level": 0, "bootstrap.servers": ",".join(target.kafka_addresses), "linger.ms": 20})
    every = round(1 / SLIGHTLY_ACTIVE)
    slight = [divmod(partition, PARTITIONS_OF_TOPIC) for partition in range(0, partitions, every)]
    before, began, turn = counted(target), time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        for hot in range(HOT_PARTITIONS):
            producer.produce(name_of(hot), RECORD, partition=0)
        due = int(now / period * len(slight))
        while turn < due:
            topic, partition = slight[turn % len(slight)]
            producer.produce(name_of(topic), SMALL_RECORD, partition=partition)
            turn += 1
        producer.poll(1 / HOT_RECORDS_PER_SECOND)
    if missing := producer.flush(ANSWER_SECONDS):
        raise RuntimeError(f"{missing} records were not acknowledged within {ANSWER_SECONDS} s")
    return growth(before, counted(target), 3_600) | {"slightly_active_partitions": len(slight)}


def measure(target, partitions: int, before: dict[str, float], options: argparse.Namespace) -> dict:
    """The figures of one size without load. `before`: what was resident before its topics were created."""
    # The feed with all new topics reaches every agent first.
    time.sleep(options.pause)
    address = target.kafka_addresses[-1]
    one_ms, one_bytes = fastest_ms(address, name_of(0), 20)
    all_ms, all_bytes = fastest_ms(address, None, 5)
    quiet = idle(target, options.seconds)
    resident = residents(target)
    connected = idle_connections(address, name_of(0), options.connections)
    with_connections = residents(target)
    for connection in connected:
        connection.close()
    more = lambda later, earlier: max(later[name] - earlier[name] for name in earlier)
    return {"partitions": partitions, "metadata_of_one_ms": one_ms, "metadata_of_one_bytes": one_bytes,
            "metadata_of_all_ms": all_ms, "metadata_of_all_bytes": all_bytes, "idle_per_minute": quiet,
            "resident_mib": resident, "grown_mib": more(resident, before), "connections": options.connections,
            "connections_mib": more(with_connections, resident)}


def residents(target) -> dict[str, float]:
    """MiB of each process."""
    return {name: resident_bytes(process.child.pid) / MIB for name, process in target.processes.items()}


def size_of(figures: dict) -> Size:
    quiet = figures["idle_per_minute"]
    return Size(figures["partitions"], quiet["kv_transactions_total"], quiet["kv_bytes_read_total"], quiet["cpu_seconds"],
                figures["grown_mib"], figures["metadata_of_one_ms"], figures["metadata_of_all_ms"],
                figures["connections"], figures["connections_mib"])


def lines(figures: dict) -> list[tuple[str, str]]:
    """The figures of one size for people: name and value."""
    quiet, busy, stored = figures["idle_per_minute"], figures["active_per_hour"], figures["rows"]["rows"].values()
    per_second = lambda name: busy[name] / 3_600
    return [
        ("partitions", f"{figures['partitions']:,}"),
        ("idle: metastore transactions / min", f"{quiet['kv_transactions_total']:,.0f}"),
        ("idle: metastore MiB read / min", f"{quiet['kv_bytes_read_total'] / MIB:.2f}"),
        ("idle: CPU-s / min", f"{quiet['cpu_seconds']:.2f}"),
        ("resident MiB, by process", " ".join(f"{value:.0f}" for value in figures["resident_mib"].values())),
        ("MiB more than before the last topics", f"{figures['grown_mib']:.0f}"),
        (f"MiB more with {figures['connections']} idle connections", f"{figures['connections_mib']:.1f}"),
        ("Metadata of one topic", f"{figures['metadata_of_one_ms']:.2f} ms, {figures['metadata_of_one_bytes']:,} B"),
        ("Metadata of all topics", f"{figures['metadata_of_all_ms']:.1f} ms, {figures['metadata_of_all_bytes']:,} B"),
        ("slightly active partitions", f"{busy['slightly_active_partitions']:,}"),
        ("active: PUT / h", f"{busy['object_puts_total']:,.0f}"),
        ("active: history files / h", f"{busy['compaction_files_total']:,.0f}"),
        ("active: metastore rows / s", f"{per_second('kv_rows_written_total'):,.0f}"),
        ("active: metastore bytes / s", f"{per_second('kv_bytes_written_total'):,.0f}"),
        ("active: CPU-s / min", f"{busy['cpu_seconds'] / 60:.2f}"),
        ("rows stored", f"{sum(row['count'] for row in stored):,}"),
        ("bytes of rows stored", f"{sum(row['bytes'] for row in stored):,}"),
    ]


def table(figures: list[dict]) -> str:
    columns = [lines(one) for one in figures]
    named = [(name, *(column[at][1] for column in columns)) for at, (name, _) in enumerate(columns[0])]
    widths = [max(len(row[at]) for row in named) for at in range(len(named[0]))]
    return "\n".join("  ".join(cell.ljust(width) if at == 0 else cell.rjust(width)
                               for at, (cell, width) in enumerate(zip(row, widths))) for row in named)


def scale(kind, options: argparse.Namespace) -> int:
    if missing := kind.missing():
        say(f"scale: {kind.name}: SKIPPED: {missing}")
        return 0
    directory = Path(tempfile.mkdtemp(prefix="alluvium-scale-"))
    target, found = kind(directory, AGENTS, options.compaction), ["it did not get as far as the end"]
    try:
        target.start()
        figures, created = [], 0
        for topics in (options.topics // 10, options.topics):
            before = residents(target)
            took = create(target, range(created, topics))
            say(f"scale: {kind.name}: {topics - created} topics created in {took:.1f} s")
            created = topics
            figures.append(measure(target, topics * PARTITIONS_OF_TOPIC, before, options))
        # After all that is idle: a load leaves work and memory behind.
        for one in figures:
            one["active_per_hour"] = active(target, one["partitions"], options.seconds, period=options.seconds / 3)
            one["rows"] = rows(target.http_addresses[target.agents[0]])
        sizes = [size_of(one) for one in figures]
        found = broken(*sizes)
        options.into.mkdir(parents=True, exist_ok=True)
        results = options.into / f"{kind.name}.json"
        results.write_text(json.dumps({"figures": figures, "sizes": [asdict(size) for size in sizes], "broken": found}, indent=1))
        say(f"\n{kind.name}\n{table(figures)}\nscale: all figures are in {results}")
        for sentence in found:
            say(f"FAILED: {sentence}")
    finally:
        target.stop()
        if found:
            say(f"scale: logs are in {directory}")
        else:
            shutil.rmtree(directory)
    return 1 if found else 0


def main() -> int:
    options = arguments()
    # Servers are stopped whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return max(scale(kind, options) for kind in (Embedded, ThreeAgents))


if __name__ == "__main__":
    sys.exit(main())
