"""The records that every client sends and must get back, and how they are compared."""

from dataclasses import dataclass, field

START_MS = 1_700_000_000_000


@dataclass(frozen=True, order=True)
class Record:
    partition: int
    offset: int
    timestamp: int = field(compare=True)
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    def content(self):
        return (self.timestamp, self.key, self.value, self.headers)


def sample(count: int = 200) -> list[Record]:
    """Records with null and empty keys and values, binary bytes, repeated header names and null header values."""
    return [
        Record(
            partition=0,
            offset=number,
            timestamp=START_MS + number * 1_000,
            key=None if number % 7 == 0 else b"" if number % 11 == 0 else b"key-%d" % (number % 10),
            value=None if number % 13 == 0 and number % 7 else bytes([number % 256]) * (number % 50) + b"value-%d" % number,
            headers=(() if number % 3 else (("trace", b"%d" % number), ("trace", b"again"), ("empty", b""), ("none", None))),
        )
        for number in range(count)
    ]


def differences(expected: list[Record], found: list[Record]) -> list[str]:
    """What is missing, extra or different, as text; empty if all records are as expected."""
    lines = []
    if len(expected) != len(found):
        lines.append(f"{len(expected)} records expected, {len(found)} found")
    for one, other in zip(expected, found):
        if one != other:
            lines.append(f"expected {one}\n   found {other}")
    return lines[:5]
