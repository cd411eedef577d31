"""Alluvium and Apache Kafka under the same load, in turn, on this machine; prints one Markdown table with both.

Kafka is measured twice: with its defaults, which leave what it acknowledges to the page cache, and with
`log.flush.interval.messages=1`, by which it syncs that to the disk, as Alluvium does. With `--runs` each row is the median of
so many runs by throughput; the servers take turns in each run.

Every load runs on a fresh server with a directory of its own, which is removed after it; only one server runs at a time.
Kafka is warmed up first, because Java compiles while it runs. The next load begins only when the server of the previous one
is idle (Alluvium compacts for a while) and the kernel has written everything to the disk, so that one load does not slow
another. CPU is that of the server process alone: during the load, and until it is idle. `--smoke` runs one short load, to
check that everything works.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients"))

from servers import BINARY, Alluvium, Kafka, SyncedKafka, have_java  # noqa: E402


NAMES = {"Alluvium": "Alluvium", "Kafka": "Kafka", "SyncedKafka": "Kafka, synced"}
WARM_UP_SECONDS = {"Alluvium": 0, "Kafka": 5, "SyncedKafka": 5}
IDLE_SECONDS_MAX = 60
# Alluvium looks for something to compact every 10 s: only after a longer pause is it known to be idle.
IDLE_SECONDS = {"Alluvium": 11, "Kafka": 2, "SyncedKafka": 2}
IDLE_CPU = 0.05
# Lines of a server's log that are shown if a load failed.
LOG_LINES = 40


def cpu_seconds(server) -> float:
    fields = Path(f"/proc/{server.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def settle(server):
    """Waits until the server has been idle for a while, and the kernel has written everything to the disk."""
    os.sync()
    window, deadline = IDLE_SECONDS[type(server).__name__], time.monotonic() + IDLE_SECONDS_MAX
    while time.monotonic() < deadline:
        before = cpu_seconds(server)
        time.sleep(window)
        if cpu_seconds(server) - before < IDLE_CPU * window:
            break
    os.sync()


def load(server, partitions: int, record_bytes: int, seconds: int, rate: int) -> dict:
    command = [BINARY, "bench", "--bootstrap", server.bootstrap, "--partitions", partitions, "--record-bytes", record_bytes,
               "--duration", f"{seconds}s", "--rate", rate, "--acks", "all", "--pid", server.child.pid, "--json"]
    if isinstance(server, Alluvium):
        command += ["--metrics", f"127.0.0.1:{server.http_port}"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=seconds * 10 + 120)
    if done.returncode != 0:
        log = "\n".join(server.log.read_text(errors="replace").splitlines()[-LOG_LINES:])
        sys.exit(f"bench failed against {type(server).__name__}: {done.stdout}\n{done.stderr}\nits log ends:\n{log}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(kind, partitions: int, record_bytes: int, seconds: int, rate: int, thorough: bool) -> dict:
    with tempfile.TemporaryDirectory() as scratch:
        server = kind(Path(scratch) / "server")
        server.start()
        try:
            if thorough and WARM_UP_SECONDS[kind.__name__]:
                load(server, partitions, record_bytes, WARM_UP_SECONDS[kind.__name__], rate)
                settle(server)
            before = cpu_seconds(server)
            report = load(server, partitions, record_bytes, seconds, rate)
            if thorough:
                settle(server)
            used = cpu_seconds(server) - before
        finally:
            server.stop()
    os.sync()
    return {**report, "cpu_seconds_until_idle_per_gib": used / (report["bytes"] / 2**30)}


def row(name: str, partitions: int, record_bytes: int, rate: int, report: dict) -> str:
    produce, end_to_end = report["produce_ms"], report["end_to_end_ms"]
    cells = [name, partitions, record_bytes, rate or "max", f"{report['records_per_second']:,.0f}",
             f"{report['mib_per_second']:.1f}",
             f"{produce['p50']:.1f} / {produce['p99']:.1f} / {produce['p999']:.1f}",
             f"{end_to_end['p50']:.1f} / {end_to_end['p99']:.1f} / {end_to_end['p999']:.1f}",
             f"{report['cpu_seconds_per_gib']:.1f} / {report['cpu_seconds_until_idle_per_gib']:.1f}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="one short load")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--runs", type=int, default=1, help="runs of each load, of which the median is shown")
    parser.add_argument("--partitions", type=int, help="only the loads on so many partitions")
    options = parser.parse_args()
    seconds = 2 if options.smoke else options.seconds
    loads = [(8, 1024, 2000)] if options.smoke else (
        [(partitions, size, 0) for partitions in (1, 8, 100) for size in (100, 1024)] + [(8, 1024, 5000)])
    print("| server | partitions | record B | target/s | records/s | MiB/s | produce p50/p99/p99.9 ms "
          "| end-to-end p50/p99/p99.9 ms | server CPU-s/GiB: during load / until idle |")
    print("|---|---|---|---|---|---|---|---|---|")
    kinds = [Alluvium, Kafka, SyncedKafka] if have_java() else [Alluvium]
    for partitions, size, rate in loads:
        if options.partitions not in (None, partitions):
            continue
        reports = {kind: [] for kind in kinds}
        for _ in range(options.runs):
            for kind in kinds:
                reports[kind].append(measure(kind, partitions, size, seconds, rate, thorough=not options.smoke))
        for kind in kinds:
            ordered = sorted(reports[kind], key=lambda report: report["records_per_second"])
            print(row(NAMES[kind.__name__], partitions, size, rate, ordered[len(ordered) // 2]), flush=True)


if __name__ == "__main__":
    main()
