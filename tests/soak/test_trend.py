"""Tests of the judgement: what grows without bound is found, and what only moves is not."""

import random

from trend import Bound, lows, slope, tau, trend

# As long as the second half of the short run: a sample every 2 s.
TIMES = [2.0 * number for number in range(60)]
BOUND = Bound(floor=10)


def series(value) -> list[tuple[float, float]]:
    return [(time, value(time)) for time in TIMES]


def is_growing(value, bound: Bound = BOUND) -> bool:
    found = trend(series(value), bound)
    assert not found.unjudged, found
    return found.is_growing


def test_linear_growth_is_found():
    assert is_growing(lambda time: 5 * time)
    assert is_growing(lambda time: 100 + 5 * time)


def test_growth_under_a_saw_tooth_is_found():
    assert is_growing(lambda time: 5 * time + 20 * (time % 6))


def test_growth_between_noise_is_found_for_every_seed():
    for seed in range(500):
        noise = random.Random(seed)
        assert is_growing(lambda time: 5 * time + noise.uniform(0, 100)), seed


def test_growth_that_begins_in_the_second_half_is_found():
    assert is_growing(lambda time: 200 + max(0.0, time - 75) * 10)


def test_growth_that_slows_down_and_never_ends_is_found():
    assert is_growing(lambda time: 100 * (1 + time) ** 0.5)


def test_growth_in_steps_is_found():
    assert is_growing(lambda time: 100 * (time // 20))


def test_a_level_is_no_growth():
    assert not is_growing(lambda time: 1_000)
    assert not is_growing(lambda time: 0)


def test_a_saw_tooth_is_no_growth_wherever_it_is_cut_off():
    for period in (4, 5, 6, 7, 8):
        for phase in range(period):
            assert not is_growing(lambda time: 100 * ((time + phase) % period)), (period, phase)


def test_a_warm_up_and_then_a_level_is_no_growth():
    assert not is_growing(lambda time: min(1_000.0, 25 * time))


def test_noise_is_no_growth_for_any_seed():
    for seed in range(500):
        noise = random.Random(seed)
        assert not is_growing(lambda time: 500 + noise.gauss(0, 40)), seed
        assert not is_growing(lambda time: 500 + noise.gauss(0, 75), Bound(floor=10, share=0.5)), seed


def test_a_few_peaks_at_the_end_are_no_growth():
    assert not is_growing(lambda time: 10_000 if time in (100, 108, 116) else 20)


def test_shrinking_is_no_growth():
    assert not is_growing(lambda time: 1_000 - 5 * time)


def test_growth_below_the_floor_or_the_share_is_none():
    assert not is_growing(lambda time: 0.1 * time)
    assert not is_growing(lambda time: 10_000 + 5 * time)
    assert is_growing(lambda time: 10_000 + 5 * time, Bound(floor=10, share=0.01))


def test_what_cannot_be_level_yet_is_not_judged():
    found = trend(series(lambda time: time), Bound(floor=1, settles_after=3_600))
    assert found.unjudged == "level only after 3600 s" and not found.is_growing


def test_too_few_samples_are_not_judged():
    assert trend([(0.0, 1.0), (1.0, 2.0)], BOUND).unjudged
    assert trend([], BOUND).unjudged


def test_the_slope_is_that_of_a_line_and_ignores_outliers():
    line = [(float(x), 3.0 * x + 1) for x in range(10)]
    assert abs(slope(line) - 3) < 1e-9
    line[4] = (4.0, 1e6)
    assert abs(slope(line) - 3) < 0.5


def test_tau_is_1_for_what_only_rises_and_0_for_a_level():
    assert (tau([(0, 1), (1, 2), (2, 5)]), tau([(0, 1), (1, 1)]), tau([(0, 2), (1, 1)])) == (1, 0, -1)


def test_lows_are_the_lowest_of_each_window():
    assert [value for _, value in lows([(float(x), float(x % 10)) for x in range(70)])] == [0.0] * 7
