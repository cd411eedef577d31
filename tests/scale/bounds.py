"""What must hold for a small and a large number of partitions on the same processes. Pure.

No bound is a time of itself: what may take how long depends on the machine. Costs of the large size are compared with those of the
small one, which has a tenth of its partitions, and as many that are used.
"""

from dataclasses import dataclass

# What does not depend on the number of partitions may differ by this factor between two measurements.
SAME = 2.0
# Of the time of requests, which depends on what else the machine does.
SAME_TIME = 4.0
# Below these, costs are not compared: heartbeats, the feed and leases take some whatever the partitions do. Per minute.
TRANSACTIONS = 600.0
READ_BYTES = 512 << 10
CPU_SECONDS = 6.0
METADATA_MS = 20.0
# Memory of a partition that nobody uses, in all of a process's tables together.
PARTITION_BYTES_MAX = 4 << 10
# Memory of a connection that was used once and is idle.
CONNECTION_BYTES_MAX = 64 << 10
# What else a process may take meanwhile.
RESIDENT_MIB = 48.0
MIB_OF_NOISE = 16.0


@dataclass(frozen=True)
class Size:
    """The measurements of one size."""

    partitions: int
    # Of all processes, per minute in which no client does anything.
    idle_transactions: float
    idle_read_bytes: float
    idle_cpu_seconds: float
    # More than before the last topics were created, of the process that took most.
    grown_mib: float
    one_topic_ms: float
    all_topics_ms: float
    # More than without them, of the process that they are connected to.
    connections: int = 0
    connections_mib: float = 0


def same(what: str, unit: str, small: float, large: float, factor: float, floor: float) -> str:
    """A sentence if a cost grows with the partitions."""
    if large <= max(floor, factor * small):
        return ""
    return (f"{what} grow with partitions that nobody uses: {small:.4g} {unit} with a tenth of them, {large:.4g} {unit} "
            "with all")


def broken(small: Size, large: Size) -> list[str]:
    """A sentence for each bound that does not hold."""
    more = large.partitions - small.partitions
    grown = large.grown_mib
    allowed = RESIDENT_MIB + more * PARTITION_BYTES_MAX / (1 << 20)
    connected = MIB_OF_NOISE + large.connections * CONNECTION_BYTES_MAX / (1 << 20)
    # A list of all topics may take as much longer as it is longer.
    longer = large.partitions / small.partitions
    found = [
        same("metastore transactions of idle rounds", "a minute", small.idle_transactions, large.idle_transactions, SAME,
             TRANSACTIONS),
        same("metastore bytes that idle rounds read", "a minute", small.idle_read_bytes, large.idle_read_bytes, SAME, READ_BYTES),
        same("CPU seconds of idle rounds", "a minute", small.idle_cpu_seconds, large.idle_cpu_seconds, SAME, CPU_SECONDS),
        same("milliseconds of metadata of one topic", "ms", small.one_topic_ms, large.one_topic_ms, SAME_TIME, METADATA_MS),
        same("milliseconds of metadata of a topic among all", "ms", small.all_topics_ms * longer, large.all_topics_ms,
             SAME_TIME, METADATA_MS),
        f"{large.connections} idle connections take {large.connections_mib:.0f} MiB ({connected:.0f} MiB allowed)"
        if large.connections_mib > connected else "",
        f"{grown:.0f} MiB more are resident with {more} more partitions ({allowed:.0f} MiB allowed)" if grown > allowed else "",
    ]
    return [sentence for sentence in found if sentence]
