"""Whether everything gets on: what stands still is named by a sentence. Pure."""

from series import MIB, Sample, series_of
from trend import second_half

# For which a thing may stand still before it counts as stalled.
STALL_SECONDS = 30.0
# All processes together: a line every few seconds. A log that only grows fills a disk in the end.
LOG_BYTES_PER_SECOND_MAX = 500.0
# Compaction ages: records that are older than this many should be in history files.
AGES = 2


def starving_compaction(samples: list[Sample], age_seconds: float) -> str:
    """Whether no history file was written although level 0 is over its bound, all through the last seconds."""
    if not samples or samples[-1]["seconds"] < STALL_SECONDS:
        return ""
    last = samples[-1]
    window = [sample for sample in samples if sample["seconds"] >= last["seconds"] - STALL_SECONDS]
    first = window[0]
    seconds = last["seconds"] - first["seconds"]
    if seconds < STALL_SECONDS * 0.8:
        return ""
    bound = (last["produced bytes"] - first["produced bytes"]) / seconds * AGES * age_seconds / MIB
    lowest = min(sample["level 0 MiB"] for sample in window)
    if last["history files"] > first["history files"] or lowest <= bound or bound == 0:
        return ""
    return (f"compaction starves: no history file was written for {seconds:.0f} s although level 0 is over its bound "
            f"({last['level 0 MiB']:.0f} MiB; {AGES * age_seconds:.0f} s of the load are {bound:.0f} MiB)")


def chatter(samples: list[Sample]) -> str:
    """Whether too much was logged in the second half."""
    half = second_half(series_of(samples, "log bytes"))
    if len(half) < 2:
        return ""
    (begin, before), (end, after) = half[0], half[-1]
    rate = (after - before) / (end - begin)
    return f"the log grows by {rate:.0f} bytes a second" if rate > LOG_BYTES_PER_SECOND_MAX else ""


def stalled(what: str, quiet_seconds: float) -> str:
    """A sentence if `what` has stood still for too long."""
    return f"{what} for {quiet_seconds:.0f} s" if quiet_seconds > STALL_SECONDS else ""
