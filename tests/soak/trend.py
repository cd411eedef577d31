"""Whether a series grows without bound. Pure: no clock, no files.

The first half is the warm-up: caches fill, the first objects wait for their grace. The second half is cut into windows, and
each window stands for itself by its lowest value: a saw-tooth whose cycle fits into a window is flat, and peaks of latency do
not count. A line through these values by Theil and Sen (the median of the slopes of all pairs, so that a few odd windows do
not matter) gives the growth over the second half. It is a finding if it is more than the bound's floor, more than its share of
the level, and steady (by Kendall's rank correlation of the same windows): noise goes down about as often as up.
"""

from dataclasses import dataclass
from itertools import combinations
from statistics import median

# Odd windows, by half of which the median is not moved; each must be longer than a cycle of compaction or retention.
WINDOWS = 7
# Of Kendall's tau, from -1 to 1: noise has more in one run of 60, and more growth than allowed besides in far fewer.
TAU_MIN = 0.6
# A window's lowest value needs some to choose from.
SAMPLES_MIN = 2 * WINDOWS

Series = list[tuple[float, float]]


@dataclass(frozen=True)
class Bound:
    """What a series may grow by over the second half of a run.

    A series that grows from nothing all the time grows by 0.67 of its level in the second half: a share must be below that.
    Noise of 8 % of the level wants a share of 0.25, noise of 15 % one of 0.5.
    """

    # In the unit of the series: less than this is never a finding, because small things come in lumps.
    floor: float
    # Of the level (the median of the second half).
    share: float = 0.25
    # Seconds until the series can be level at all: what is kept for an hour grows for an hour.
    settles_after: float = 0


@dataclass(frozen=True)
class Trend:
    """The second half of a series."""

    level: float
    growth: float
    allowed: float
    # How steady it is: Kendall's tau.
    tau: float = 0
    # Why it was not judged; empty if it was.
    unjudged: str = ""

    @property
    def is_growing(self) -> bool:
        return not self.unjudged and self.growth > self.allowed and self.tau >= TAU_MIN


def second_half(series: Series) -> Series:
    if not series:
        return []
    middle = (series[0][0] + series[-1][0]) / 2
    return [(time, value) for time, value in series if time >= middle]


def lows(series: Series) -> Series:
    """The lowest value of each window, at the middle of the window. Windows without a value have none."""
    begin, length = series[0][0], (series[-1][0] - series[0][0]) / WINDOWS
    found: dict[int, float] = {}
    for time, value in series:
        window = min(int((time - begin) / length), WINDOWS - 1)
        found[window] = min(value, found.get(window, value))
    return [(begin + (window + 0.5) * length, value) for window, value in sorted(found.items())]


def slope(points: Series) -> float:
    """By Theil and Sen: the median of the slopes between all pairs of points, per second."""
    return median((later[1] - earlier[1]) / (later[0] - earlier[0]) for earlier, later in combinations(points, 2))


def tau(points: Series) -> float:
    """By Kendall: the share of the pairs of which the later is higher, less the share of which it is lower."""
    pairs = list(combinations(points, 2))
    return sum((later[1] > earlier[1]) - (later[1] < earlier[1]) for earlier, later in pairs) / len(pairs)


def trend(series: Series, bound: Bound) -> Trend:
    """How a series of (seconds, value), in the order of time, goes on in its second half."""
    half = second_half(series)
    if len(half) < SAMPLES_MIN:
        return Trend(0, 0, 0, unjudged=f"only {len(half)} samples in the second half")
    level = median(value for _, value in half)
    points = lows(half)
    growth = slope(points) * (half[-1][0] - half[0][0])
    allowed = max(bound.floor, bound.share * level)
    begins = half[0][0] - series[0][0]
    unjudged = "" if begins >= bound.settles_after else f"level only after {bound.settles_after:.0f} s"
    return Trend(level, growth, allowed, tau(points), unjudged)
