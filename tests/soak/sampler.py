"""One sample: what the processes say of themselves, what the kernel says of them, what is in the store."""

import json
import os
import re
import time
import urllib.request
from collections import defaultdict
from pathlib import Path

from series import GIB, MIB, Sample, costs, ratios
from targets import TESTS

ANSWER_SECONDS = 30
TAGS = TESTS.parent / "metastore" / "src" / "keyspace" / "tag.rs"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# What a task of the compactor has yet to do.
BACKLOG = re.compile(r'^alluvium_compactor_task_backlog\{task="([^"]*)"\} (\S+)$', re.MULTILINE)
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def get(address: str, path: str) -> str:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=ANSWER_SECONDS) as answer:
        return answer.read().decode()


def metrics(address: str) -> dict[str, float]:
    """The metrics of a process."""
    return added_up(get(address, "/metrics"))


def added_up(text: str) -> dict[str, float]:
    """Metrics without their prefix; those of one name with several labels are added up."""
    found: dict[str, float] = defaultdict(float)
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            found[name.split("{")[0].removeprefix("alluvium_")] += float(value)
    return found


def kinds_of_rows() -> dict[str, str]:
    """Names of the kinds by tag, as in the answer of the route that counts rows."""
    declared = re.findall(r"pub const (\w+): Self = Self\((0x[0-9a-f]{2})\)", TAGS.read_text())
    return {number: name for name, number in declared}


def rows(address: str) -> dict:
    return json.loads(get(address, "/internal/v1/metastore/rows"))


def resident_bytes(process_id: int) -> int:
    return int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) * PAGE_BYTES


def cpu_seconds(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


class Sampler:
    """Takes samples of a target; `loads` are the benches on it."""

    def __init__(self, target, loads: list):
        self.target, self.loads = target, loads
        self.kinds = kinds_of_rows()
        self.began = time.monotonic()
        self.samples: list[Sample] = []

    def take(self) -> Sample:
        sample: Sample = {"seconds": time.monotonic() - self.began}
        self.samples.append(sample)
        sample |= self.of_processes() | self.of_metrics() | self.of_rows() | self.of_loads()
        sample["objects"] = self.target.object_count()
        for name, counter in [("PUT/GiB", "PUTs"), ("GET/GiB", "GETs")]:
            if (cost := costs(self.samples, counter, GIB)) is not None:
                sample[name] = cost
        for name, counter in [("log bytes/s", "log bytes"), ("CPU", "CPU seconds"), ("files/s", "history files"),
                              ("MiB/s produced", "produced bytes")]:
            if (ratio := ratios(self.samples, counter, "seconds", 1)) is not None:
                sample[name] = ratio / MIB if name.startswith("MiB") else ratio
        return sample

    def of_processes(self) -> Sample:
        resident = {name: resident_bytes(process.child.pid) / MIB for name, process in self.target.processes.items()}
        each = {f"resident MiB of {name}": value for name, value in resident.items()} if len(resident) > 1 else {}
        return {"resident MiB": sum(resident.values()), **each,
                "CPU seconds": sum(cpu_seconds(process.child.pid) for process in self.target.processes.values()),
                "log bytes": sum(process.log.stat().st_size for process in self.target.processes.values())}

    def of_metrics(self) -> Sample:
        total: dict[str, float] = defaultdict(float)
        backlogs: Sample = defaultdict(float)
        for address in self.target.http_addresses.values():
            text = get(address, "/metrics")
            for name, value in added_up(text).items():
                total[name] += value
            for task, value in BACKLOG.findall(text):
                backlogs[f"backlog {task}"] += float(value)
        found = {"PUTs": total["object_puts_total"], "GETs": total["object_gets_total"],
                 "produced bytes": total["segment_bytes_total"], "history files": total["compaction_files_total"],
                 "connections": total["connections"]}
        if "kv_file_bytes" in total:
            found["metastore MiB"] = total["kv_file_bytes"] / MIB
        return found | backlogs

    def of_rows(self) -> Sample:
        counted = rows(self.target.http_addresses[self.target.agents[0]])
        found = {f"rows {name}": float(counted["rows"].get(tag, {"count": 0})["count"]) for tag, name in self.kinds.items()}
        return found | {"level 0 MiB": counted["level_0"]["bytes"] / MIB, "level 0 extents": counted["level_0"]["count"],
                        "history extents": counted["history"]["count"], "retire queue": found["rows RETIRED"]}

    def of_loads(self) -> Sample:
        last = [load.intervals[-1]["end_to_end_ms"] for load in self.loads if load.intervals]
        if not last:
            return {}
        return {"tail p50 ms": max(one["p50"] for one in last), "tail p99 ms": max(one["p99"] for one in last)}
