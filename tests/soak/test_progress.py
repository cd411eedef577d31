"""Tests of what counts as standing still."""

from progress import STALL_SECONDS, chatter, stalled, starving_compaction
from series import GIB, MIB, bound_of, costs, judge, ratios

AGE = 5.0


def samples(level_0_mib, files) -> list[dict]:
    """A minute of a load of 10 MiB/s, so that level 0 may have 100 MiB."""
    return [{"seconds": float(at), "produced bytes": at * 10.0 * MIB, "level 0 MiB": level_0_mib(at),
             "history files": files(at)} for at in range(0, 60, 2)]


def test_no_files_while_level_0_is_over_its_bound_is_starvation():
    found = starving_compaction(samples(lambda at: 10 * at, lambda at: 3), AGE)
    assert found.startswith("compaction starves: no history file was written for 30 s although level 0"), found


def test_a_file_now_and_then_is_no_starvation():
    assert starving_compaction(samples(lambda at: 10 * at, lambda at: at // 20), AGE) == ""


def test_no_files_while_level_0_is_small_are_no_starvation():
    assert starving_compaction(samples(lambda at: 60, lambda at: 0), AGE) == ""


def test_the_first_seconds_are_no_starvation():
    assert starving_compaction(samples(lambda at: 10 * at, lambda at: 0)[:10], AGE) == ""
    assert starving_compaction([], AGE) == ""


def test_a_log_that_grows_fast_is_found_and_a_line_now_and_then_is_not():
    logged = lambda rate: [{"seconds": float(at), "log bytes": rate * at} for at in range(60)]
    assert chatter(logged(5_000)) == "the log grows by 5000 bytes a second"
    assert chatter(logged(50)) == "" and chatter([]) == ""


def test_only_a_long_silence_is_a_stall():
    assert stalled("x has not moved", STALL_SECONDS) == ""
    assert stalled("x has not moved", 31) == "x has not moved for 31 s"


def test_a_series_that_grows_is_judged_by_its_name():
    growing = [{"seconds": float(at), "level 0 MiB": at * 10.0, "retire queue": 50.0, "CPU": at} for at in range(100)]
    found = judge(growing)
    assert found["level 0 MiB"].is_growing and not found["retire queue"].is_growing
    assert "CPU" not in found


def test_rows_that_are_kept_for_an_hour_are_not_judged_before():
    assert bound_of("rows FEED").settles_after == 3_600 and bound_of("rows HEAD").settles_after == 0


def test_a_ratio_is_taken_over_the_last_seconds():
    counted = [{"seconds": float(at), "PUTs": 5.0 * at, "bytes": 100.0 * at} for at in range(12)]
    assert ratios(counted, "PUTs", "bytes", 1_000) == 50
    assert ratios(counted[:3], "PUTs", "bytes", 1_000) is None
    still = [{"seconds": float(at), "PUTs": 1.0, "bytes": 1.0} for at in range(12)]
    assert ratios(still, "PUTs", "bytes", 1) is None


def requests(gets_per_second) -> list[dict]:
    """Two minutes of a load of 10 MiB/s, and what `costs` says."""
    found, gets = [], 0.0
    for at in range(0, 120, 2):
        gets += 2 * gets_per_second(at)
        found.append({"seconds": float(at), "produced bytes": at * 10.0 * MIB, "GETs": gets})
        if (cost := costs(found, "GETs", GIB)) is not None:
            found[-1]["GET/GiB"] = cost
    return found


def test_requests_that_were_held_up_and_come_at_once_are_no_growth():
    held_up = requests(lambda at: 100 if at < 60 else 40 + 2.5 * (at - 60))
    assert not judge(held_up)["GET/GiB"].is_growing


def test_requests_of_which_each_byte_takes_more_and_more_are_growth():
    assert judge(requests(lambda at: 10 + at))["GET/GiB"].is_growing
