"""The output: a line after each fault, a table of all faults, and a last line with totals."""

from statistics import median

from faults import TARGET_SECONDS, Outcome

HEADER = ("at s", "fault", "of", "for s", "first ack s", "all acked s", "all read s", "")
WIDTHS = (6, 22, 14, 6, 12, 12, 11, 0)


def seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.2f}"


def line(columns) -> str:
    return " ".join(str(column).rjust(width) for column, width in zip(columns, WIDTHS)).rstrip()


def row(outcome: Outcome) -> str:
    fault = outcome.fault
    late = outcome.is_kill_of_agent and (outcome.produced is None or outcome.produced > TARGET_SECONDS)
    notes = [outcome.note, f"over {TARGET_SECONDS:g} s" if late else "", outcome.remark]
    note = "; ".join(note for note in notes if note)
    return line((f"{outcome.at:.0f}", fault.name, fault.target.name, f"{fault.hold_seconds:.1f}", seconds(outcome.first),
                 seconds(outcome.produced), seconds(outcome.consumed), note))


def table(outcomes: list[Outcome]) -> str:
    return "\n".join([
        "", "Recovery, in seconds: of agents and compactors since the fault, of FoundationDB and S3 since their return.",
        line(HEADER), *map(row, outcomes), ""])


def recoveries(outcomes: list[Outcome]) -> str:
    """Medians and maxima over all kills of agents, in seconds."""
    kills = [one for one in outcomes if one.is_kill_of_agent]
    lines = ["slowest stream after a kill of an agent: median, maximum (kills)"]
    for name, times in (
            ("acknowledged again", [one.produced for one in kills]),
            ("read again", [one.consumed for one in kills if not one.had_leave]),
            ("read again, a member had just left", [one.consumed for one in kills if one.had_leave])):
        known = [time for time in times if time is not None]
        if known:
            lines.append(f"  {name}: {median(known):.2f} s, {max(known):.2f} s ({len(times)})")
    return "\n".join(lines)


def violations_of(outcomes: list[Outcome]) -> list[str]:
    bad = [f"after {one.fault.name} of {one.fault.target.name} not everything worked again" for one in outcomes
           if one.produced is None or one.consumed is None]
    return bad + [f"{one.fault.name} of {one.fault.target.name}: {one.note}" for one in outcomes if one.note]


def totals(outcomes: list[Outcome], minutes: float, acknowledged: int, generations: int, violations: int, seed: int) -> str:
    kills = [one.produced for one in outcomes if one.is_kill_of_agent and one.produced is not None]
    slowest = f"slowest recovery from a kill {max(kills):.2f} s" if kills else "no agent killed"
    within = sum(one <= TARGET_SECONDS for one in kills)
    return (f"chaos: {minutes:.1f} minutes, {len(outcomes)} faults, {acknowledged} records acknowledged, {generations} "
            f"generations, {slowest} ({within} of {len(kills)} within {TARGET_SECONDS:g} s), {violations} violations, "
            f"seed {seed}")
