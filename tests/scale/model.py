"""The costs on paper: what many small partitions cost per GiB, by how their level 0 becomes history. Pure.

`python3 tests/scale/model.py` prints the tables of docs/scale.md; test_model.py compares them, and the constants with the
code that they are taken from.
"""

from dataclasses import dataclass
from math import ceil, exp, log

GIB = float(1 << 30)
MIB = float(1 << 20)

# From the code, by file.
LINGER_SECONDS = 0.25  # metastore/model/src/limits.rs: LINGER
SEGMENT_BYTES = 8 * MIB  # metastore/model/src/limits.rs: SEGMENT_BYTES_MAX
FILE_BYTES = 128 * MIB  # metastore/model/src/limits.rs: HISTORY_FILE_BYTES_TARGET
AGE_SECONDS = 300.0  # compactor/src/config.rs: compact_age_max
MERGE_FACTOR = 4  # compactor/src/plan/policy.rs: MERGE_INPUTS_MIN
PART_BYTES = 1 * MIB  # compactor/src/config.rs: SHARED_PART_BYTES_MAX
PASS_PARTITIONS = 10_000  # compactor/src/planned_work.rs: PLAN_PARTITIONS_MAX
PASS_EXTENTS = 200_000  # compactor/src/planned_work.rs: PLAN_EXTENTS_MAX
JOB_EXTENT_BYTES = 300  # compactor/src/plan/jobs.rs: INPUT_MEMORY_BYTES
JOB_COMPACTION_BYTES = 1_000  # compactor/src/plan/jobs.rs: COMPACTION_MEMORY_BYTES

# Files after which a job was cut before decision 91.
JOB_FILES = 64

# S3 Standard in us-east-1, list prices of November 2026 (aws.amazon.com/s3/pricing), in dollars.
PUT_DOLLARS = 0.005 / 1_000
GET_DOLLARS = 0.0004 / 1_000
MONTH_SECONDS = 30 * 24 * 3_600.0


@dataclass(frozen=True)
class Load:
    """Partitions that each get a small batch now and then."""

    partitions: int = 100_000
    topics: int = 10_000
    batch_bytes: float = 1_024.0
    # Between two batches of one partition.
    pause: float = 60.0
    agents: int = 3

    @property
    def bytes_per_second(self) -> float:
        return self.partitions * self.batch_bytes / self.pause

    @property
    def segments_per_second(self) -> float:
        flushes = min(self.agents / LINGER_SECONDS, self.partitions / self.pause)
        return max(flushes, self.bytes_per_second / SEGMENT_BYTES)

    @property
    def extents_per_second(self) -> float:
        return self.partitions / max(self.pause, LINGER_SECONDS)

    def per_gib(self, per_second: float) -> float:
        return per_second * GIB / self.bytes_per_second


@dataclass(frozen=True)
class Way:
    """How level 0 becomes history."""

    name: str
    # Seconds that small data waits.
    age: float = AGE_SECONDS
    # Whether a file holds all partitions of its topic that have less than `PART_BYTES`, once merged with its like.
    by_topic: bool = False
    # Memory of one job: what it reads, and what its extents and partitions take beside that; `None` if a job is cut after 64
    # files, as before decision 91.
    job_bytes: float | None = None
    # Seconds after which segments are merged into one large object that is sorted by partition; `None` for never.
    merged_after: float | None = None


@dataclass(frozen=True)
class Cost:
    """Per GiB produced, beside the agents' own PUTs and the commits' rows."""

    puts: float
    gets: float
    # How often each byte is written again.
    rewritten: float
    rows: float
    # Extents of level 0 that are stored at a time.
    level_0_extents: float

    @property
    def dollars(self) -> float:
        return self.puts * PUT_DOLLARS + self.gets * GET_DOLLARS


def distinct(draws: float, objects: float) -> float:
    """How many of `objects` are hit by so many draws at random."""
    return objects * (1 - exp(-draws / objects))


def cost(load: Load, way: Way) -> Cost:
    group = load.partitions / load.topics if way.by_topic else 1.0
    # A file needs a batch.
    age = max(way.age, load.pause / group)
    files = load.partitions / group / age
    file_bytes = load.bytes_per_second / files
    # Shared files are merged, as often as it takes, until each partition has enough for a file of its own.
    shared_levels = max(0, ceil(log(PART_BYTES * group / file_bytes, MERGE_FACTOR))) if group > 1 else 0
    shared_merges = sum(files / MERGE_FACTOR**level for level in range(1, shared_levels))
    own = files * group / MERGE_FACTOR**shared_levels
    own_bytes = load.bytes_per_second / own
    levels = shared_levels + max(0.0, log(FILE_BYTES / own_bytes, MERGE_FACTOR))
    merges = own / (MERGE_FACTOR - 1)
    merged_files = own + merges
    if shared_levels:
        merges += shared_merges + own
        merged_files += files + shared_merges
    objects, extents = load.segments_per_second * age, load.extents_per_second * age
    gets, puts, rows, rewritten = 0.0, files + merges, 0.0, 1 + levels
    if way.merged_after:
        merged = load.partitions * (1 - exp(-way.merged_after / load.pause)) / way.merged_after
        gets += load.segments_per_second
        puts += 1 / way.merged_after
        # An extent row set and cleared for each partition of a merged object, and its reference taken back.
        rows += 3 * merged
        rewritten += 1
        waiting = load.extents_per_second * way.merged_after + merged * age
        objects, extents = age / way.merged_after, merged * age
    else:
        waiting = extents
    if way.job_bytes:
        passes = max(load.partitions / PASS_PARTITIONS, load.extents_per_second * age / PASS_EXTENTS)
        memory = load.bytes_per_second * age + extents * JOB_EXTENT_BYTES + load.partitions * JOB_COMPACTION_BYTES
        jobs = max(memory / way.job_bytes, passes)
    else:
        jobs = files * age / JOB_FILES
    jobs = max(jobs, 1.0)
    gets += jobs * distinct(extents / jobs, objects) / age + merged_files
    in_files = min(extents / age, load.partitions / age)
    # Level 0: its row cleared, its reference taken back; a retired segment: three rows until it is gone. Outputs: an extent
    # and a head for each partition; an object and a feed entry for each file.
    rows += 2 * load.extents_per_second + 3 * load.segments_per_second + 2 * in_files + 2 * (files + merges)
    # A merge of shared files: an extent of each partition cleared in each of them, and its reference taken back.
    rows += 2 * group * (files + shared_merges) if shared_levels else 0
    return Cost(load.per_gib(puts), load.per_gib(gets), rewritten, load.per_gib(rows), waiting)


WAYS = [
    Way("a file per partition, 5 min"),
    Way("a file per partition, 1 h", age=3_600),
    Way("a file per partition, 1 h, jobs of 128 MiB", age=3_600, job_bytes=128 * MIB),
    Way("a file per topic, 5 min", by_topic=True),
    Way("a file per topic, 5 min, jobs of 128 MiB", by_topic=True, job_bytes=128 * MIB),
    Way("a file per topic, 20 min, jobs of 128 MiB", age=1_200, by_topic=True, job_bytes=128 * MIB),
    Way("a file per topic, 1 h, jobs of 128 MiB", age=3_600, by_topic=True, job_bytes=128 * MIB),
    Way("level 0 merged each 5 min, a file per topic, 1 h", age=3_600, by_topic=True, job_bytes=128 * MIB, merged_after=300),
]


def round2(value: float) -> str:
    """Two digits: the model is not better than that."""
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 1 else f"{value:.2g}"


def table(load: Load) -> str:
    """One row for each way."""
    lines = ["| way | PUT/GiB | GET/GiB | $/GiB | $/month | written again | row writes/GiB | level-0 extents stored |",
             "|---|---|---|---|---|---|---|---|"]
    gib_per_month = load.bytes_per_second * MONTH_SECONDS / GIB
    for way in WAYS:
        found = cost(load, way)
        lines.append(f"| {way.name} | {round2(found.puts)} | {round2(found.gets)} | {found.dollars:.3f} | "
                     f"{round2(found.dollars * gib_per_month)} | {found.rewritten:.1f} × | {round2(found.rows)} | "
                     f"{round2(found.level_0_extents)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    for load in (Load(), Load(partitions=1_000, topics=100), Load(partitions=1_000_000, topics=100_000)):
        puts = load.per_gib(load.segments_per_second)
        print(f"\n{load.partitions:,} partitions, {load.bytes_per_second / MIB:.2f} MiB/s: agents make {round2(puts)} PUT/GiB "
              f"(${puts * PUT_DOLLARS:.3f}), {load.segments_per_second:.0f} segments/s, {load.extents_per_second:,.0f} "
              f"extents/s\n\n{table(load)}")
