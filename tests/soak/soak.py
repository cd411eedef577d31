"""A load for as long as told, on the real binary: what is behind the write path must keep up, and nothing may grow for ever.

    tests/soak/run --minutes 60               # one process with the embedded metastore, at full speed
    tests/soak/run --minutes 60 --cluster     # three agents, two compactors, FoundationDB (FDB_HOME), SeaweedFS
    tests/soak/run --smoke                    # both, within two minutes each, at a rate that a small machine can do

Consumers at the tail check every record. One more consumer reads from the beginning for ever, a crowd of others catches up at
once, some connections are never read, topics come and go. Retention is at a minute. Every few seconds it takes a sample; at the end it writes all samples
(CSV), a plot (PNG) and a table. It fails if a series grows in its second half (trend.py says when), and at once if something
stands still (progress.py).
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench import Bench
from clients import Background, Churn, FarBehind, Stuck, create_topic
from crowd import Crowd
from output import growing, plot, table, write_csv
from progress import chatter, stalled, starving_compaction
from sampler import Sampler
from series import GIB, MIB, judge
from targets import TESTS, Embedded, ThreeAgents, agents_for

PARTITIONS = 8
RECORD_BYTES = 1 << 10
# Of tests/chaos/cluster.py's compaction.
AGE_SECONDS = 5.0
STUCK_CONNECTIONS = 8
CROWD = 32
# After which the trouble-makers start, so that there are records for them.
LEAD_SECONDS = 5.0
# What the two processes of a small machine can do beside their clients.
SMOKE = {"seconds": 95.0, "rate_mib": 8.0, "behind_mib": 8.0, "retention": 15.0, "every": 1.5}
SAMPLES = 600
JOIN_SECONDS = 3.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/soak/run", description=__doc__.split("\n\n")[0])
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=10, help="how long the load runs (10)")
    length.add_argument("--seconds", type=float, help="the same in seconds")
    length.add_argument("--smoke", action="store_true", help="within two minutes, at a low rate; both targets")
    parser.add_argument("--cluster", action="store_true", help="three agents and two compactors instead of one process")
    parser.add_argument("--rate-mib", type=float, default=0, help="MiB/s that are produced; 0 for full speed (0)")
    parser.add_argument("--behind-mib", type=float, default=0, help="MiB/s of the consumer far behind; 0 for full speed (0)")
    parser.add_argument("--retention", type=float, default=60, help="seconds that records are kept (60)")
    parser.add_argument("--every", type=float, help="seconds between two samples (2, or more in a long run)")
    parser.add_argument("--into", type=Path, default=TESTS.parent / "target" / "soak", help="where results go (target/soak)")
    options = parser.parse_args()
    options.seconds = options.seconds or options.minutes * 60
    if options.smoke:
        vars(options).update(SMOKE)
    options.every = options.every or max(2.0, options.seconds / SAMPLES)
    return options


def say(text: str):
    print(text, flush=True)


@dataclass
class Run:
    """One target under load."""

    target: Embedded | ThreeAgents
    options: argparse.Namespace
    directory: Path
    loads: list[Bench] = field(default_factory=list)
    others: list[Background] = field(default_factory=list)

    def start(self):
        """The load through each agent has a topic of its own, and is consumed from the next agent."""
        self.target.start()
        addresses = self.target.kafka_addresses
        retention_ms = str(int(self.options.retention * 1000))
        # A roll, after which Kafka deletes, is a third of the retention.
        config = {"retention.ms": retention_ms, "segment.ms": str(int(self.options.retention * 1000 / 3))}
        for number in range(len(addresses)):
            create_topic(addresses[0], f"load-{number}", PARTITIONS, **config)
        records = int(self.options.rate_mib * MIB / RECORD_BYTES / len(addresses))
        load = ["--rate", str(records), "--record-bytes", str(RECORD_BYTES), "--producers", "2", "--consumers", "2"]
        for number, address in enumerate(addresses):
            self.loads.append(Bench(self.directory / f"bench-{number}.log", address, addresses[(number + 1) % len(addresses)],
                                    f"load-{number}", self.options.seconds, *load))

    def disturb(self):
        address = self.target.kafka_addresses[-1]
        behind = self.options.behind_mib * MIB
        self.others = [FarBehind(address, "load-0", PARTITIONS, behind), Churn(self.target.kafka_addresses[0]),
                       Stuck(address, "load-0", PARTITIONS, STUCK_CONNECTIONS),
                       Crowd(address, "load-0", PARTITIONS, CROWD)]
        for other in self.others:
            other.start()

    def still(self, sampler: Sampler) -> list[str]:
        """What stands still, or has died."""
        now = time.monotonic()
        found = [f"{name} ended" for name, process in self.target.processes.items() if not process.alive()]
        found.append(starving_compaction(sampler.samples, AGE_SECONDS))
        for load in self.loads:
            if load.is_running:
                found.append(stalled(f"the tail stalls: consumers have read nothing of {load.topic}", now - load.last_read))
                found.append(stalled(f"producers stall: nothing was acknowledged on {load.topic}", now - load.last_acknowledged))
        for other in self.others:
            found += [other.failure, stalled(f"{other.name}: no progress", now - other.progress)]
        return [sentence for sentence in found if sentence]

    def watch(self, sampler: Sampler) -> list[str]:
        """Takes samples until the load ends, or something stands still."""
        began = time.monotonic()
        ends = began + self.options.seconds
        while (now := time.monotonic()) < ends and any(load.is_running for load in self.loads):
            if not self.others and now - began > LEAD_SECONDS:
                self.disturb()
            if found := self.still(sampler):
                return found
            try:
                sample = sampler.take()
            except OSError as error:
                return self.still(sampler) or [f"no sample could be taken: {error}"]
            say(line(sample))
            time.sleep(max(0.0, now + self.options.every - time.monotonic()))
        return []

    def finish(self) -> list[str]:
        found = [load.finish() for load in self.loads]
        for other in self.others:
            other.stopping.set()
        # One that waits for an answer does not hold up the verdict: it ends with this process.
        for other in self.others:
            other.join(JOIN_SECONDS)
        return [sentence for sentence in found if sentence]

    def stop(self):
        for load in self.loads:
            load.kill()
        self.target.stop()


def line(sample: dict) -> str:
    """One line while it runs."""
    shown = [("MiB/s produced", "MiB/s"), ("level 0 MiB", "MiB in level 0"), ("history files", "history files"),
             ("retire queue", "retired"), ("objects", "objects"), ("resident MiB", "MiB resident"),
             ("tail p99 ms", "ms tail p99")]
    values = ", ".join(f"{sample[name]:.0f} {unit}" for name, unit in shown if name in sample)
    return f"{sample['seconds']:6.0f} s: {values}"


def totals(run: Run, sampler: Sampler) -> str:
    last = sampler.samples[-1]
    produced = last["produced bytes"] / GIB
    per_gib = lambda counter: last[counter] / produced if produced else 0
    of = lambda kind: next((other for other in run.others if isinstance(other, kind)), None)
    behind, crowd, stuck, churn = of(FarBehind), of(Crowd), of(Stuck), of(Churn)
    return (f"soak: {run.target.name}, {last['seconds']:.0f} s, {produced:.2f} GiB produced "
            f"({produced * GIB / MIB / max(last['seconds'], 1):.1f} MiB/s), {last['history files']:.0f} history files, "
            f"{per_gib('PUTs'):.0f} PUT/GiB, {per_gib('GETs'):.0f} GET/GiB, {last['log bytes']:.0f} bytes of log; far behind: "
            f"{behind.passes if behind else 0} passes, {behind.bytes / GIB if behind else 0:.2f} GiB; crowd: "
            f"{crowd.bytes / GIB if crowd else 0:.2f} GiB; stuck: {stuck.closed if stuck else 0} connections closed by the "
            f"server; {churn.deleted if churn else 0} topics deleted")


def soak(kind, options: argparse.Namespace) -> int:
    if missing := kind.missing():
        say(f"soak: {kind.name}: SKIPPED: {missing}")
        return 0
    directory = Path(tempfile.mkdtemp(prefix="alluvium-soak-"))
    run = Run(kind(directory, agents_for(options.seconds)), options, directory)
    found = ["it did not get as far as the end"]
    try:
        run.start()
        sampler = Sampler(run.target, run.loads)
        found = run.watch(sampler)
        # A stalled load would not end.
        found = found or run.finish()
        # Charts take a while, and the servers would go on.
        run.stop()
        if not sampler.samples or "objects" not in sampler.samples[-1]:
            # The last one was given up in the middle.
            sampler.samples = sampler.samples[:-1]
        trends = judge(sampler.samples)
        found += [sentence for sentence in (*growing(trends), chatter(sampler.samples)) if sentence]
        if not found and not any(not one.unjudged for one in trends.values()):
            found.append("nothing could be judged: the run was too short, or the machine too slow")
        options.into.mkdir(parents=True, exist_ok=True)
        results = options.into / f"{kind.name}.csv"
        if sampler.samples:
            write_csv(results, sampler.samples)
            plot(results.with_suffix(".png"), sampler.samples, trends, f"{kind.name}, {options.seconds:.0f} s")
            say(f"\n{table(sampler.samples, trends)}\n\n{totals(run, sampler)}\nsoak: results are in {results} and .png")
        for sentence in found:
            say(f"FAILED: {sentence}")
    finally:
        run.stop()
        if found:
            say(f"soak: logs are in {directory}")
        else:
            shutil.rmtree(directory)
    return 1 if found else 0


def main() -> int:
    options = arguments()
    # Servers are stopped whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    kinds = [Embedded, ThreeAgents] if options.smoke else [ThreeAgents] if options.cluster else [Embedded]
    return max(soak(kind, options) for kind in kinds)


if __name__ == "__main__":
    sys.exit(main())
