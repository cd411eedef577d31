"""Alluvium and Apache Kafka under the same load, in turn, on this machine; prints one Markdown table with both.

Every load runs on a fresh topic of a server that stays up for the whole run, first Alluvium, then Kafka; CPU is that of the
server process alone. `--smoke` runs one short load, to see that everything still works.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients"))

from servers import BINARY, Alluvium, Kafka, have_java  # noqa: E402


def load(server, partitions: int, record_bytes: int, seconds: int, rate: int) -> dict:
    command = [BINARY, "bench", "--bootstrap", server.bootstrap, "--partitions", partitions, "--record-bytes", record_bytes,
               "--duration", f"{seconds}s", "--rate", rate, "--acks", "all", "--pid", server.child.pid, "--json"]
    if isinstance(server, Alluvium):
        command += ["--metrics", f"127.0.0.1:{server.http_port}"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=seconds * 10 + 120)
    if done.returncode != 0:
        sys.exit(f"bench failed against {type(server).__name__}: {done.stdout}\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def row(name: str, partitions: int, record_bytes: int, rate: int, report: dict) -> str:
    produce, end_to_end = report["produce_ms"], report["end_to_end_ms"]
    cells = [name, partitions, record_bytes, rate or "max", f"{report['records_per_second']:,.0f}",
             f"{report['mib_per_second']:.1f}",
             f"{produce['p50']:.1f} / {produce['p99']:.1f} / {produce['p999']:.1f}",
             f"{end_to_end['p50']:.1f} / {end_to_end['p99']:.1f} / {end_to_end['p999']:.1f}",
             f"{report['cpu_seconds_per_gib']:.1f}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="one short load")
    parser.add_argument("--seconds", type=int, default=15)
    options = parser.parse_args()
    seconds = 2 if options.smoke else options.seconds
    loads = [(8, 1024, 2000)] if options.smoke else (
        [(partitions, size, 0) for partitions in (1, 8, 100) for size in (100, 1024)] + [(8, 1024, 5000)])
    print("| server | partitions | record B | target/s | records/s | MiB/s | produce p50/p99/p99.9 ms "
          "| end-to-end p50/p99/p99.9 ms | server CPU-s/GiB |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        servers = [Alluvium(Path(scratch) / "alluvium")]
        if have_java():
            servers.append(Kafka(Path(scratch) / "kafka"))
        for server in servers:
            server.start()
        try:
            for partitions, size, rate in loads:
                for server in servers:
                    report = load(server, partitions, size, seconds, rate)
                    print(row(type(server).__name__, partitions, size, rate, report), flush=True)
        finally:
            for server in servers:
                server.stop()


if __name__ == "__main__":
    main()
