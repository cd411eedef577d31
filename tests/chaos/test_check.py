"""Tests of the checks: each accepts what is right, and reports the smallest violation."""

from pathlib import Path
from types import SimpleNamespace

from check import check_owners, check_records, check_stream, parts, repeated
from load import PARTITIONS, Event, Timeline

ACKED = {0: 10, 1: 11, 2: 13}
FOUND = [(0, 10), (1, 11), (2, 13)]


def violations(acked, found) -> str:
    return "; ".join(check_stream("x", acked, found))


def test_what_is_there_once_and_in_order_is_right():
    assert violations(ACKED, FOUND) == ""
    assert violations({0: 10}, FOUND) == "", "what was written and not acknowledged may be there"


def test_a_lost_record_is_found():
    assert "1 acknowledged records are lost, such as [1]" in violations(ACKED, [(0, 10), (2, 13)])


def test_a_repeated_record_is_found():
    assert "more than once, such as [1]" in violations(ACKED, [(0, 10), (1, 11), (1, 12), (2, 13)])


def test_a_record_at_another_offset_is_found():
    assert "not at their acknowledged offsets, such as [2]" in violations(ACKED, [(0, 10), (1, 11), (2, 14)])


def test_records_out_of_order_are_found():
    assert "out of order" in violations({}, [(0, 10), (2, 11), (1, 12)])


def test_a_gap_between_offsets_is_found():
    sender = SimpleNamespace(number=0, acked=[{} for _ in range(PARTITIONS)])
    right = [[(0, b"0:0:0:"), (1, b"0:0:1:")], *([] for _ in range(PARTITIONS - 1))]
    wrong = [[(0, b"0:0:0:"), (2, b"0:0:1:")], *([] for _ in range(PARTITIONS - 1))]
    assert check_records(SimpleNamespace(senders=[sender]), right) == []
    assert check_records(SimpleNamespace(senders=[sender]), wrong) != []


def test_two_owners_in_one_generation_are_found_and_one_after_another_are_right():
    first, second = Event(1, "a", "assign", 1, [0, 1]), Event(2, "b", "assign", 2, [0, 1])
    assert check_owners([first, second]) == []
    assert check_owners([first, Event(2, "b", "assign", 1, [1])]) == ["generation 1: partition 1 was owned by ['a', 'b']"]


def test_recovery_counts_only_records_sent_since_the_fault():
    timeline = Timeline()
    for sent, done in [(1.0, 1.1), (2.0, 5.5), (5.0, 5.6)]:
        timeline.add("p", sent, done)
    assert timeline.first_after(3.0, ["p", "q"]) == {"p": 5.6, "q": None}


def test_files_whose_parts_begin_where_others_do_are_counted():
    golden = Path(__file__).parents[2] / "crates/history/src/tests/golden-v2.parquet"
    assert parts(golden.read_bytes()) == [(3, 99), (5, 0), (17, 100)]
    assert parts(b"alluvium.partitions\x18\x300:0-5,1:7-9\x00") == [(0, 0), (1, 7)]
    assert repeated([[(0, 0), (1, 0)], [(0, 5)], [(1, 5)]]) == 0
    assert repeated([[(0, 0), (1, 0)], [(0, 5)], [(0, 0), (1, 0), (2, 0)]]) == 1
