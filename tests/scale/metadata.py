"""Metadata requests over a connection of their own: the time until the whole answer is there, and its size."""

import socket
import struct
import time

METADATA, VERSION = 3, 5
ANSWER_SECONDS = 60
CLIENT = b"scale"


def request(topic: str | None) -> bytes:
    """A request for one topic, or for all."""
    if topic is None:
        topics = struct.pack(">i", -1)
    else:
        name = topic.encode()
        topics = struct.pack(">ih", 1, len(name)) + name
    may_create = struct.pack(">?", False)
    body = struct.pack(">hhih", METADATA, VERSION, 1, len(CLIENT)) + CLIENT + topics + may_create
    return struct.pack(">i", len(body)) + body


class Connection:
    def __init__(self, address: str):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS)

    def ask(self, topic: str | None) -> tuple[float, int]:
        """Seconds until the answer was there, and its bytes."""
        began = time.monotonic()
        self.socket.sendall(request(topic))
        (length,) = struct.unpack(">i", self.read(4))
        self.read(length)
        return time.monotonic() - began, length

    def read(self, length: int) -> bytes:
        parts, left = [], length
        while left:
            part = self.socket.recv(min(left, 1 << 20))
            if not part:
                raise OSError("the agent closed the connection")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def close(self):
        self.socket.close()


def idle_connections(address: str, topic: str, count: int) -> list[Connection]:
    """Connections that have asked once."""
    connections = [Connection(address) for _ in range(count)]
    for connection in connections:
        connection.ask(topic)
    return connections


def fastest_ms(address: str, topic: str | None, requests: int) -> tuple[float, int]:
    """The fastest of several requests, in milliseconds (the others waited for the machine), and the bytes of its answer."""
    connection = Connection(address)
    try:
        seconds, length = min(connection.ask(topic) for _ in range(requests))
    finally:
        connection.close()
    return seconds * 1000, length
