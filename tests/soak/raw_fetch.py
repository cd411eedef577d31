"""Fetch requests and answers as bytes, for consumers that a client library would not be."""

import struct

VERSION = 4
OFFSET_OUT_OF_RANGE = 1
# Of a record batch: up to its length, and up to its last offset delta.
BATCH_LENGTH_END = 12
BATCH_LAST_OFFSET_DELTA = 23


def fetch_request(number: int, topic: str, offsets: dict[int, int], bytes_max: int) -> bytes:
    """A Fetch request from the offset of each partition, with its length."""
    api, any_replica, wait_ms, bytes_min, read_uncommitted = 1, -1, 500, 1, 0
    name, client = topic.encode(), b"soak"
    partitions = b"".join(struct.pack(">iqi", partition, offset, bytes_max) for partition, offset in offsets.items())
    request = struct.pack(">hhih", api, VERSION, number, len(client)) + client
    request += struct.pack(">iiiibi", any_replica, wait_ms, bytes_min, bytes_max, read_uncommitted, 1)
    request += struct.pack(">h", len(name)) + name + struct.pack(">i", len(offsets)) + partitions
    return struct.pack(">i", len(request)) + request


def fetched(answer: bytes, topic: str) -> tuple[int, int | None]:
    """What an answer for one partition, without its length, says: the error, and the offset after its last whole batch, if it
    has one."""
    # Correlation id, throttle time, number of topics, the topic's name, number of partitions, the partition.
    at = 4 + 4 + 4 + 2 + len(topic) + 4 + 4
    error, _, _, aborted, = struct.unpack_from(">hqqi", answer, at)
    at += 22 + max(0, aborted) * 16
    length, = struct.unpack_from(">i", answer, at)
    at += 4
    end, after = at + length, None
    while at + BATCH_LENGTH_END <= end:
        base, bytes_left = struct.unpack_from(">qi", answer, at)
        if at + BATCH_LENGTH_END + bytes_left > end:
            break
        delta, = struct.unpack_from(">i", answer, at + BATCH_LAST_OFFSET_DELTA)
        after = base + delta + 1
        at += BATCH_LENGTH_END + bytes_left
    return error, after
