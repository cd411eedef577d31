"""The model computes with the code's constants, and docs/scale.md shows what it computes."""

import re
from pathlib import Path

import model
from model import MIB, WAYS, Load, Way, cost, distinct, table

ROOT = Path(__file__).resolve().parents[2]


def declared(path: str, name: str) -> str:
    """What a Rust file says after the name of a constant or a field."""
    return re.search(rf"\b{name}\b[^=;]*?(?:: [\w:<>]+ = |: )([^;\n]+?)[;,]\n", (ROOT / path).read_text())[1]


def test_constants_are_those_of_the_code():
    limits = "metastore/model/src/limits.rs"
    assert declared(limits, "LINGER") == f"Duration::from_millis({model.LINGER_SECONDS * 1000:.0f})"
    assert declared(limits, "SEGMENT_BYTES_MAX") == f"{model.SEGMENT_BYTES / MIB:.0f} << 20"
    assert declared(limits, "HISTORY_FILE_BYTES_TARGET") == f"{model.FILE_BYTES / MIB:.0f} << 20"
    planning = "compactor/src/planned_work.rs"
    assert declared(planning, "PLAN_PARTITIONS_MAX") == "plan::JOB_REWRITES_MAX"
    assert declared("compactor/src/plan/jobs.rs", "JOB_REWRITES_MAX") == f"{model.PASS_PARTITIONS:_}"
    assert declared(planning, "PLAN_EXTENTS_MAX") == f"{model.PASS_EXTENTS:_}"
    assert declared("compactor/src/config.rs", "SHARED_PART_BYTES_MAX") == f"{model.PART_BYTES / MIB:.0f} << 20"
    jobs = "compactor/src/plan/jobs.rs"
    assert declared(jobs, "INPUT_MEMORY_BYTES") == f"{model.JOB_EXTENT_BYTES}"
    assert declared(jobs, "COMPACTION_MEMORY_BYTES") == f"{model.JOB_COMPACTION_BYTES:_}"


def test_the_page_shows_the_tables_of_the_model():
    page = (ROOT / "docs/scale.md").read_text()
    assert table(Load()) in page, table(Load())


def test_as_many_files_as_partitions_and_ages():
    found = cost(Load(), WAYS[0])
    per_second = found.puts / Load().per_gib(1)
    # A third more for merges by four: 1/4 + 1/16 + ...
    assert abs(per_second - 100_000 / 300 * 4 / 3) < 1


def test_longer_ages_cost_fewer_puts_and_more_extents():
    short, long = cost(Load(), Way("", age=300)), cost(Load(), Way("", age=3_600))
    assert long.puts < short.puts / 10 and long.level_0_extents == 12 * short.level_0_extents


def test_a_merge_reads_each_segment_once_and_writes_each_byte_once_more():
    plain, merged = (cost(Load(), Way("", age=3_600, by_topic=True, job_bytes=128 * MIB, merged_after=after))
                     for after in (None, 300))
    assert merged.gets < plain.gets / 10
    assert abs(merged.rewritten - plain.rewritten - 1) < 1e-9


def test_draws_hit_at_most_all_objects():
    assert 0.99 < distinct(1, 1_000) < 1 and 999 < distinct(1e6, 1_000) <= 1_000
