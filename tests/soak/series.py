"""Which series there are, what each may grow by, and how samples become series. Pure."""

from trend import Bound, Series, Trend, trend

MIB = 1 << 20
GIB = 1 << 30
# The compactor keeps the feed for this long (`feed_retention` in compactor/src/config.rs), and sweeps as often.
HOUR = 3_600

# Series by name; kinds of rows have names of their own, see `bound_of`.
BOUNDS = {
    # What compaction has yet to rewrite.
    "level 0 MiB": Bound(floor=32),
    "level 0 extents": Bound(floor=2_000),
    "history extents": Bound(floor=200),
    # Objects that wait for their grace.
    "retire queue": Bound(floor=500),
    "objects": Bound(floor=500),
    "resident MiB": Bound(floor=96, share=0.15),
    # Each over half of the time so far: see `costs`.
    "PUT/GiB": Bound(floor=200, share=0.35),
    "GET/GiB": Bound(floor=200, share=0.35),
    "tail p50 ms": Bound(floor=100, share=0.5),
    "tail p99 ms": Bound(floor=500, share=0.5),
    "log bytes/s": Bound(floor=200, share=0.5),
    # Of the embedded metastore. It keeps the feed of an hour.
    "metastore MiB": Bound(floor=16, settles_after=HOUR),
}
ROWS = Bound(floor=500)
# Kinds of rows that are kept for an hour, or removed by the sweep that runs once an hour.
HOURLY = {"FEED", "OUTCOME", "LEASE"}
# Of the compactor's tasks, as they count it.
BACKLOG = Bound(floor=500)
# Time over which a ratio of two counters is taken, to be shown.
RATIO_SECONDS = 10.0

Sample = dict[str, float]


def bound_of(name: str) -> Bound | None:
    """The bound of a series; `None` if it is only shown."""
    if name.startswith("rows "):
        kind = name.removeprefix("rows ")
        return Bound(ROWS.floor, ROWS.share, HOUR if kind in HOURLY else 0)
    if name.startswith("backlog "):
        return BACKLOG
    return BOUNDS.get(name)


def series_of(samples: list[Sample], name: str) -> Series:
    """The samples that have a value of `name`."""
    return [(sample["seconds"], sample[name]) for sample in samples if name in sample]


def judge(samples: list[Sample]) -> dict[str, Trend]:
    """The trend of every series that has a bound."""
    names = dict.fromkeys(name for sample in samples for name in sample)
    return {name: trend(series_of(samples, name), bound) for name in names if (bound := bound_of(name)) is not None}


def costs(samples: list[Sample], counter: str, unit: float) -> float | None:
    """What `counter` grew by for each `unit` of produced bytes, in the last half of the time so far; `None` if there were
    none. Compaction requests objects long after they were produced, and many at once if it had to wait: a shorter time
    would be that of one such burst."""
    return ratios(samples, counter, "produced bytes", unit, max(RATIO_SECONDS, samples[-1]["seconds"] / 2)) if samples else None


def ratios(samples: list[Sample], counter: str, per: str, unit: float, seconds: float = RATIO_SECONDS) -> float | None:
    """What `counter` grew by for each `unit` that `per` grew by, in the last `seconds`; `None` if it did not."""
    if not samples:
        return None
    last = samples[-1]
    earlier = next((sample for sample in reversed(samples) if last["seconds"] - sample["seconds"] >= seconds), None)
    if earlier is None or any(name not in sample for name in (counter, per) for sample in (earlier, last)):
        return None
    grown = last[per] - earlier[per]
    return (last[counter] - earlier[counter]) / grown * unit if grown > 0 else None
