"""The checks at the end: every acknowledged record is there once and in order, whichever agents serve it; each partition had
one owner in each generation of the group; transactions are whole or not there, and what was copied in them is there once; the
bucket holds nothing that is not needed."""

import re
import time
from collections import Counter, defaultdict

from cluster import GRACE_SECONDS, Cluster
from confluent_kafka import Consumer, KafkaError, TopicPartition
from load import CONNECTIONS, PARTITIONS, UNKNOWN, Event, Load
from transactions import PAIRS, PAIRS_PARTITIONS, SINK, SINK_PARTITIONS, SOURCE, SOURCE_PARTITIONS, Transactions

READ_SECONDS = 300
DRAIN_SECONDS = 180
# Segments that one agent may have uploaded and not committed at the moment of a fault.
IN_FLIGHT_MAX = 16

Content = list[list[tuple[int, bytes]]]


def drain(load: Load) -> list[str]:
    """Stops the producers, and waits until all records are acknowledged and read by the group. Returns violations."""
    bad = []
    for sender in load.senders:
        missing = sender.finish(DRAIN_SECONDS)
        if missing:
            bad.append(f"{sender.name}: {missing} records were still not acknowledged after {DRAIN_SECONDS} s")
        bad += sender.failures
    ends = [1 + max((max(sender.acked[partition].values(), default=-1) for sender in load.senders))
            for partition in range(PARTITIONS)]
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline and any(read < end for read, end in zip(load.group.read, ends)):
        time.sleep(0.1)
    for partition, (read, end) in enumerate(zip(load.group.read, ends)):
        if read < end:
            bad.append(f"the group has read partition {partition} to {read} of {end}")
    load.group.finish()
    return bad + load.group.violations


def read_all(bootstrap: str, zone: str, topic: str) -> Content:
    """All records of all partitions, as the agents of one zone serve them."""
    client = Consumer({"bootstrap.servers": bootstrap, "client.id": f"checker,zone={zone}", "client.rack": zone,
                       "group.id": "checker", "enable.auto.commit": False, "enable.partition.eof": False, **CONNECTIONS})
    ends = [client.get_watermark_offsets(TopicPartition(topic, partition), 30)[1] for partition in range(PARTITIONS)]
    client.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    content: Content = [[] for _ in range(PARTITIONS)]
    deadline = time.monotonic() + READ_SECONDS
    while any(len(read) == 0 or read[-1][0] + 1 < end for read, end in zip(content, ends) if end > 0):
        if time.monotonic() > deadline:
            break
        for message in client.consume(5_000, 1):
            if message.error() is None:
                content[message.partition()].append((message.offset(), message.value()))
    client.close()
    return content


def check_records(load: Load, content: Content) -> list[str]:
    """Each acknowledged record is at its offset, once; each producer's records are in order; offsets have no gaps."""
    bad = []
    for partition, records in enumerate(content):
        if [offset for offset, _ in records] != list(range(len(records))):
            bad.append(f"partition {partition}: offsets read are not 0, 1, 2, ... to {len(records)}")
        found = defaultdict(list)
        for offset, value in records:
            number, _, sequence = (int(part) for part in value.split(b":")[:3])
            found[number].append((sequence, offset))
        for sender in load.senders:
            bad += check_stream(f"producer {sender.number}, partition {partition}", sender.acked[partition],
                                found[sender.number])
    return bad


def violations(where: str, found: dict[str, list]) -> list[str]:
    """A violation for each kind of thing of which some were found at that place."""
    return [f"{where}: {len(things)} {kind}, such as {things[:5]}" for kind, things in found.items() if things]


def check_stream(name: str, acked: dict[int, int], found: list[tuple[int, int]]) -> list[str]:
    """`acked`: sequence to offset; `found`: sequence and offset, by offset."""
    sequences = [sequence for sequence, _ in found]
    offsets = dict(found)
    twice = [sequence for sequence, count in Counter(sequences).items() if count > 1]
    lost = sorted(set(acked) - set(sequences))
    moved = [sequence for sequence, offset in acked.items()
             if sequence in offsets and offset not in (UNKNOWN, offsets[sequence])]
    bad = violations(name, {"records are there more than once": twice, "acknowledged records are lost": lost,
                      "records are not at their acknowledged offsets": moved})
    if sequences != sorted(sequences):
        bad.append(f"{name}: records are out of order")
    return bad


def read_committed(bootstrap: str, zone: str, topic: str, partitions: int) -> list[list[bytes]]:
    """The values of all committed records of each partition, as the agents of one zone serve them."""
    client = Consumer({"bootstrap.servers": bootstrap, "client.id": f"checker,zone={zone}", "client.rack": zone,
                       "group.id": "checker", "enable.auto.commit": False, "enable.partition.eof": True,
                       "isolation.level": "read_committed", **CONNECTIONS})
    client.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    values: list[list[bytes]] = [[] for _ in range(partitions)]
    ended: set[int] = set()
    deadline = time.monotonic() + READ_SECONDS
    while len(ended) < partitions and time.monotonic() < deadline:
        for message in client.consume(5_000, 1):
            if message.error() is None:
                values[message.partition()].append(message.value())
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
    client.close()
    return values


def check_transactions(transactions: Transactions, zone: str) -> list[str]:
    """All that the transactional load has written and copied, as the agents of one zone serve it."""
    bootstrap = transactions.bootstrap
    committed = set().union(*(writer.committed for writer in transactions.writers))
    aborted = set().union(*(writer.aborted for writer in transactions.writers))
    bad = check_pairs(committed, aborted, read_committed(bootstrap, zone, PAIRS, PAIRS_PARTITIONS))
    source = read_committed(bootstrap, zone, SOURCE, SOURCE_PARTITIONS)
    # No transaction has written to it, so offsets count its records.
    consumed = [value for values, offset in zip(source, transactions.offsets()) for value in values[:offset]]
    copied = [value for values in read_committed(bootstrap, zone, SINK, SINK_PARTITIONS) for value in values]
    return [f"zone {zone}: {violation}" for violation in bad + check_copies(consumed, copied)]


def check_pairs(committed: set[bytes], aborted: set[bytes], partitions: list[list[bytes]]) -> list[str]:
    """Each transaction has written its number to all partitions: committed ones are in each, aborted ones in none, others in
    all or none."""
    bad = []
    for partition, values in enumerate(partitions):
        twice = [value for value, count in Counter(values).items() if count > 1]
        lost, shown = sorted(committed - set(values)), sorted(aborted & set(values))
        bad += violations(f"{PAIRS} {partition}", {"transactions are there twice": twice,
                                             "committed transactions are not there": lost,
                                             "aborted transactions are there": shown})
    torn = sorted(set().union(*partitions) - set(partitions[0]).intersection(*partitions[1:]))
    return bad + violations(PAIRS, {"transactions are in some partitions only": torn})


def check_copies(consumed: list[bytes], copied: list[bytes]) -> list[str]:
    """What the group's offsets say was consumed is what was copied, each record once."""
    lost, more = Counter(consumed) - Counter(copied), Counter(copied) - Counter(consumed)
    bad = []
    if lost:
        bad.append(f"{lost.total()} records were consumed and not copied, such as {sorted(lost)[:5]}")
    if more:
        bad.append(f"{more.total()} records were copied twice, or not consumed, such as {sorted(more)[:5]}")
    return bad


def check_owners(events: list[Event]) -> list[str]:
    """In one generation a partition is given to one member."""
    owners: dict[tuple[int, int], set[str]] = defaultdict(set)
    for event in events:
        if event.kind == "assign":
            for partition in event.partitions:
                owners[event.generation, partition].add(event.member)
    return [f"generation {generation}: partition {partition} was owned by {sorted(members)}"
            for (generation, partition), members in sorted(owners.items()) if len(members) > 1]


def created(segment: str) -> float:
    """When the segment with this key was sealed, by its agent's clock: its id begins with the ms since the epoch."""
    return int(segment.rsplit("/", 1)[1][:12], 16) / 1000


def parts(end: bytes) -> list[tuple[int, int]]:
    """Partition and start offset of each part of a history file whose last bytes these are: they are in its footer as text, after
    a byte of type and one or two of length."""
    found = re.search(rb"alluvium\.partitions.{2,3}?((?:\d+:\d+-\d+,?)+)", end, re.DOTALL)
    return [(int(partition), int(start)) for partition, start in re.findall(rb"(\d+):(\d+)-", found[1])]


def repeated(files: list[list[tuple[int, int]]]) -> int:
    """How many files have a part that begins where one of a file before does."""
    seen, again = set(), 0
    for file in files:
        again += not seen.isdisjoint(file)
        seen.update(file)
    return again


def check_objects(cluster: Cluster, healed: float, faults: int) -> tuple[list[str], str]:
    """When everything is compacted and what is retired is deleted, only history files are left, and orphans of the faults: at
    most what agents had in flight, and nothing sealed after the last fault."""
    compactor = cluster.compactors[0]
    compactor.once()
    deadline = time.monotonic() + 120
    before = None
    while time.monotonic() < deadline and (left := cluster.bucket.listed()) != before:
        before = left
        time.sleep(GRACE_SECONDS + 2)
        compactor.once()
    segments = {key: written for key, written in left.items() if key.startswith("segments/")}
    files = [key for key in left if key.startswith("history/")]
    # By their ids: an upload that an agent gave up when it was cut off may arrive after the cut.
    late = [key for key in segments if created(key) > healed]
    bad = []
    if late:
        bad.append(f"{len(late)} segments sealed after the last fault belong to nothing, such as {late[:2]}")
    if len(segments) > faults * IN_FLIGHT_MAX:
        bad.append(f"{len(segments)} segments belong to nothing, after {faults} faults")
    again = repeated([parts(cluster.bucket.end(key)) for key in files])
    if again > faults:
        bad.append(f"{again} history files begin where another does, after {faults} faults")
    others = [key for key in left if not key.startswith(("segments/", "history/"))]
    if len(others) > faults:
        bad.append(f"{len(others)} other objects are left, such as {others[:3]}")
    return bad, f"{len(files)} history files, {len(segments)} orphaned segments, {again} history files twice"
