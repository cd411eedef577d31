"""The results of a run: every sample as CSV, every series as a small chart, a table for people."""

import csv
from pathlib import Path

from series import Sample, bound_of, series_of
from trend import Trend, lows, second_half, slope

COLUMNS = 4
# Shown on the plot although nothing bounds them.
SHOWN = ["MiB/s produced", "history files", "CPU"]


def names_of(samples: list[Sample]) -> list[str]:
    return list(dict.fromkeys(name for sample in samples for name in sample))


def write_csv(path: Path, samples: list[Sample]):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names_of(samples))
        writer.writeheader()
        writer.writerows({name: f"{value:.6g}" for name, value in sample.items()} for sample in samples)


def plot(path: Path, samples: list[Sample], trends: dict[str, Trend], title: str):
    """A chart for each series, with the line that judges its second half; red if it grows."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    moving = {name: series_of(samples, name) for name in [*trends, *SHOWN] if any(name in sample for sample in samples)}
    # Kinds of rows that there are none of, or that never change, only take room.
    shown = {name: series for name, series in moving.items() if len({value for _, value in series}) > 1}
    rows = -(-len(shown) // COLUMNS)
    figure, charts = pyplot.subplots(max(rows, 1), COLUMNS, figsize=(4 * COLUMNS, 2.4 * max(rows, 1)), squeeze=False)
    for chart in charts.flat[len(shown):]:
        chart.axis("off")
    for chart, (name, series) in zip(charts.flat, shown.items()):
        found = trends.get(name)
        color = "tab:red" if found and found.is_growing else "tab:blue"
        chart.plot(*zip(*series), color=color, linewidth=0.9)
        if found and not found.unjudged:
            chart.plot(*zip(*fitted(series)), color="black", linestyle="--", linewidth=0.9)
        chart.set_title(name, fontsize=9)
        chart.set_ylim(bottom=0)
        chart.tick_params(labelsize=7)
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def fitted(series: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The line through the lows of the second half, from its beginning to its end."""
    half = second_half(series)
    points = lows(half)
    rise = slope(points)
    middle = points[len(points) // 2]
    return [(time, middle[1] + rise * (time - middle[0])) for time in (half[0][0], half[-1][0])]


def table(samples: list[Sample], trends: dict[str, Trend]) -> str:
    """One line for each series that has a bound and is not always 0."""
    header = ("series", "lowest", "highest", "level", "growth", "allowed", "verdict")
    lines = [header]
    for name, found in trends.items():
        values = [value for _, value in series_of(samples, name)]
        if not any(values):
            continue
        verdict = found.unjudged or ("GROWS" if found.is_growing else "bounded")
        judged = [number(found.level), number(found.growth), number(found.allowed)]
        lines.append((name, number(min(values)), number(max(values)), *judged, verdict))
    widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) if at in (0, len(widths) - 1) else cell.rjust(width)
                               for at, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines)


def number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def growing(trends: dict[str, Trend]) -> list[str]:
    """A sentence for each series that grows."""
    return [f"{name} grows without bound: by {number(found.growth)} over the second half, at a level of "
            f"{number(found.level)} ({number(found.allowed)} allowed)"
            for name, found in trends.items() if found.is_growing and bound_of(name)]
