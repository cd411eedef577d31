"""Many consumers of old records that come at the same moments."""

import socket
import struct
import time

from confluent_kafka import Consumer, TopicPartition

from clients import ANSWER_SECONDS, QUIET, Background
from raw_fetch import OFFSET_OUT_OF_RANGE, fetch_request, fetched

# Time between two moments.
EVERY_SECONDS = 2.0
FETCH_BYTES = 512 << 10


class Crowd(Background):
    """Consumers of one partition each, spread over the first half of its records: all fetch at once, wait a little, and fetch
    on. It gets somewhere only if each of them does."""

    def __init__(self, address: str, topic: str, partitions: int, count: int):
        super().__init__("the slowest of the crowd that catches up")
        self.address, self.topic, self.partitions, self.count = address, topic, partitions, count
        self.bytes = 0

    def work(self):
        client = Consumer({**QUIET, "bootstrap.servers": self.address, "group.id": "crowd"})
        host, port = self.address.rsplit(":", 1)
        sockets = [socket.create_connection((host, int(port)), ANSWER_SECONDS) for _ in range(self.count)]
        offsets = [self.start_of(client, number) for number in range(self.count)]
        progress = [time.monotonic()] * self.count
        request = 0
        while not self.stopping.wait(EVERY_SECONDS):
            request += 1
            for number, one in enumerate(sockets):
                one.sendall(fetch_request(request, self.topic, {number % self.partitions: offsets[number]}, FETCH_BYTES))
            for number, one in enumerate(sockets):
                answer = read_answer(one)
                self.bytes += len(answer)
                error, after = fetched(answer, self.topic)
                if error not in (0, OFFSET_OUT_OF_RANGE):
                    raise OSError(f"error {error} at offset {offsets[number]} of partition {number % self.partitions}")
                if after is not None or error:
                    progress[number] = time.monotonic()
                # Retention has passed it.
                offsets[number] = self.start_of(client, number) if error else after or offsets[number]
            self.progress = min(progress)
        client.close()
        for one in sockets:
            one.close()

    def start_of(self, client: Consumer, number: int) -> int:
        low, high = client.get_watermark_offsets(TopicPartition(self.topic, number % self.partitions), ANSWER_SECONDS)
        return low + (high - low) * (number + 1) // (2 * self.count)


def read_answer(one: socket.socket) -> bytes:
    """One answer, without its length."""
    size, = struct.unpack(">i", read_exactly(one, 4))
    return read_exactly(one, size)


def read_exactly(one: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = one.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise OSError("the server closed the connection")
        parts += part
    return bytes(parts)
