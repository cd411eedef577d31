"""Draws the panels of each dashboard from the answers that live.py kept, one picture for a dashboard.

    observability/draw.py ANSWERS.json DIRECTORY

The pictures show what a panel shows in Grafana, not how: Grafana itself is not needed.
"""

import json
import math
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402
from matplotlib.ticker import FuncFormatter  # noqa: E402

from expressions import dashboards  # noqa: E402

COLUMNS = 4
PANEL_INCHES = (4.2, 2.5)
DPI = 70
# Beyond, a legend hides its chart.
LEGEND_MAX = 6
# Units of Grafana: how a value of theirs is written.
BINARY = {"bytes": "B", "Bps": "B/s"}
SUFFIXES = {"reqps": " req/s", "ops": " /s", "s": " s", "ms": " ms"}


def written(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "currencyUSD":
        return f"${value:,.4g}"
    if unit == "ms" and abs(value) >= 1000:
        value, unit = value / 1000, "s"
    base, steps = (1024, ["", "Ki", "Mi", "Gi", "Ti"]) if unit in BINARY else (1000, ["", "k", "M", "G", "T"])
    size = 0
    while abs(value) >= base and size < len(steps) - 1 and unit not in ("s", "ms"):
        value, size = value / base, size + 1
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {steps[size]}{BINARY[unit]}" if unit in BINARY else f"{digits}{steps[size]}{SUFFIXES.get(unit, '')}"


def label(legend: str, labels: dict[str, str]) -> str:
    for name, value in labels.items():
        legend = legend.replace("{{" + name + "}}", value)
    return legend


def series_of(panel: dict, answers: list[list[dict]]) -> list[tuple[str, list[float], list[float]]]:
    """Name, times and values of each series of a panel; what is no number is left out."""
    found = []
    for query, answer in zip(panel["queries"], answers):
        for one in answer:
            points = [(float(time), float(value)) for time, value in one["values"] if math.isfinite(float(value))]
            if points:
                found.append((label(query["legend"], one["metric"]), *map(list, zip(*points))))
    return found


def draw_stat(axes, panel: dict, series: list):
    text = written(series[0][2][-1], panel["unit"]) if series else "no data"
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=26, color="tab:blue", transform=axes.transAxes)
    axes.axis("off")


def draw_lines(axes, panel: dict, series: list, began: float):
    if not series:
        axes.text(0.5, 0.5, "no data", ha="center", va="center", color="gray", transform=axes.transAxes)
    for name, times, values in series:
        axes.plot([time - began for time in times], values, label=name, linewidth=1.2)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, panel["unit"])))
    axes.set_ylim(0, 1.1 * max((value for _, _, values in series for value in values), default=1.0) or 1.0)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)
    if series:
        axes.legend(*(part[:LEGEND_MAX] for part in axes.get_legend_handles_labels()), fontsize=6, framealpha=0.5)


def draw(path: Path, definition: dict, answers: list[list[dict]]):
    panels = definition["panel"]
    rows = -(-len(panels) // COLUMNS)
    figure, grid = pyplot.subplots(rows, COLUMNS, figsize=(PANEL_INCHES[0] * COLUMNS, PANEL_INCHES[1] * rows + 0.5),
                                   squeeze=False, layout="constrained")
    began = min((float(one["values"][0][0]) for answer in answers for one in answer), default=0.0)
    left = iter(answers)
    for axes, panel in zip(grid.flat, panels):
        axes.set_title(panel["title"], fontsize=9)
        series = series_of(panel, [next(left) for _ in panel["queries"]])
        if panel.get("kind") == "stat":
            draw_stat(axes, panel, series)
        else:
            draw_lines(axes, panel, series, began)
    for axes in list(grid.flat)[len(panels):]:
        axes.axis("off")
    figure.suptitle(f"{definition['title']} (x: seconds)", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI)
    pyplot.close(figure)


def main() -> int:
    answers = json.loads(Path(sys.argv[1]).read_text())
    for name, definition in dashboards().items():
        draw(Path(sys.argv[2]) / f"{name}.png", definition, answers[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
