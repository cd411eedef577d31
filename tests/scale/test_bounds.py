"""Tests of the bounds: each holds for what is right, and names what is not."""

from dataclasses import replace

from bounds import Size, broken

SMALL = Size(partitions=200, idle_transactions=500, idle_read_bytes=100_000, idle_cpu_seconds=0.5, grown_mib=10,
             one_topic_ms=1, all_topics_ms=2)
LARGE = replace(SMALL, partitions=2_000, all_topics_ms=20)


def the_only(large: Size) -> str:
    (sentence,) = broken(SMALL, large)
    return sentence


def test_costs_that_do_not_depend_on_partitions_are_right():
    assert broken(SMALL, LARGE) == []


def test_rounds_that_read_every_partition_are_found():
    assert "metastore bytes that idle rounds read" in the_only(replace(LARGE, idle_read_bytes=1_000_000))
    assert "metastore transactions of idle rounds" in the_only(replace(LARGE, idle_transactions=5_000))
    assert "CPU seconds of idle rounds" in the_only(replace(LARGE, idle_cpu_seconds=7))


def test_memory_for_each_partition_is_found():
    assert "with 1800 more partitions" in the_only(replace(LARGE, grown_mib=60))
    assert broken(SMALL, replace(LARGE, grown_mib=55)) == []


def test_memory_for_each_connection_is_found():
    assert "200 idle connections take 30 MiB" in the_only(replace(LARGE, connections=200, connections_mib=30))
    assert broken(SMALL, replace(LARGE, connections=200, connections_mib=28)) == []


def test_metadata_that_slows_down_is_found():
    assert "metadata of one topic" in the_only(replace(LARGE, one_topic_ms=21))
    assert "among all" in the_only(replace(LARGE, all_topics_ms=100))
