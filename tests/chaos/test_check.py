"""Tests of the checks: each accepts what is right, and reports the smallest violation."""

from pathlib import Path
from types import SimpleNamespace

from check import check_copies, check_owners, check_pairs, check_records, check_stream, parts, repeated
from load import PARTITIONS, UNKNOWN, Event, Timeline

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


def test_a_record_that_was_acknowledged_without_an_offset_must_be_there_anywhere():
    assert violations({0: UNKNOWN}, FOUND) == ""
    assert "lost, such as [5]" in violations({5: UNKNOWN}, FOUND)


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


COMMITTED, ABORTED = {b"0:1", b"0:2"}, {b"0:4"}
WHOLE = [[b"0:1", b"0:2"], [b"0:2", b"0:1"]]


def pairs(partitions) -> str:
    return "; ".join(check_pairs(COMMITTED, ABORTED, partitions))


def test_whole_transactions_are_right_whether_those_of_unknown_end_are_there_or_not():
    assert pairs(WHOLE) == ""
    assert pairs([[*values, b"0:3"] for values in WHOLE]) == ""


def test_a_committed_transaction_that_is_not_there_is_found():
    assert "1 committed transactions are not there, such as [b'0:2']" in pairs([[b"0:1"], [b"0:1"]])


def test_an_aborted_transaction_that_is_there_is_found():
    assert "1 aborted transactions are there, such as [b'0:4']" in pairs([[*values, b"0:4"] for values in WHOLE])


def test_a_torn_transaction_is_found_even_if_its_end_is_unknown():
    assert "1 transactions are in some partitions only, such as [b'0:3']" in pairs([[*WHOLE[0], b"0:3"], WHOLE[1]])


def test_a_doubled_transaction_is_found():
    assert "1 transactions are there twice, such as [b'0:1']" in pairs([[*values, b"0:1"] for values in WHOLE])


def test_copies_are_what_was_consumed():
    assert check_copies([b"1", b"2"], [b"2", b"1"]) == []
    assert "1 records were consumed and not copied, such as [b'2']" in check_copies([b"1", b"2"], [b"1"])[0]
    assert "1 records were copied twice, or not consumed, such as [b'2']" in check_copies([b"1", b"2"], [b"1", b"2", b"2"])[0]
    assert "such as [b'3']" in check_copies([b"1"], [b"1", b"3"])[0]
