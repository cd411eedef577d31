"""The PromQL of dashboards, rules and the runbook: where it stands, which series it selects. Pure."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RULES = [HERE / "prometheus" / "recording.yaml", HERE / "prometheus" / "alerts.yaml"]
RUNBOOK = ROOT / "docs" / "runbook.md"
METRICS = ROOT / "docs" / "metrics.md"

# A metric of ours or a recorded one, with its matchers if it has any.
SELECTOR = re.compile(r"\b((?:[a-z_]+:)?alluvium_[a-z0-9_:]+)(\{[^}]*\})?")
# Of a histogram, Prometheus stores these.
HISTOGRAM_PARTS = ("_bucket", "_count", "_sum")


@dataclass(frozen=True)
class Query:
    """One expression, and where it stands (`dashboard / panel`, or the name of an alert)."""

    where: str
    expression: str


def dashboards() -> dict[str, dict]:
    """The definitions of all dashboards, by file name without its end."""
    return {path.stem: tomllib.loads(path.read_text()) for path in sorted((HERE / "dashboards").glob("*.toml"))}


def rules(kind: str) -> list[dict]:
    """The rules that have a `kind`, which is `alert` or `record`."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def selectors(expression: str) -> list[str]:
    """The series that an expression selects, as expressions of their own."""
    return [match.group() for match in SELECTOR.finditer(expression)]


def names(expression: str) -> set[str]:
    return {match.group(1) for match in SELECTOR.finditer(expression)}


def of_one_job(expression: str) -> str:
    """The expression with the dashboard's job as a matcher of every selector."""
    def with_job(match: re.Match) -> str:
        own = (match.group(2) or "{}")[1:-1]
        matchers = ", ".join(part for part in (own, 'job=~"$job"') if part)
        return f"{match.group(1)}{{{matchers}}}"

    return re.sub(r"\bup\b(?!\{)", 'up{job=~"$job"}', SELECTOR.sub(with_job, expression))


def panel_queries(name: str, definition: dict) -> list[Query]:
    """The queries of a dashboard's panels."""
    return [Query(f"{name} / {panel['title']}", query["expr"])
            for panel in definition["panel"] for query in panel["queries"]]


def runbook_blocks(language: str) -> list[tuple[str, str]]:
    """The blocks of code in the runbook that are in `language`, each with its section."""
    found, section, lines = [], "", None
    for line in RUNBOOK.read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif lines is not None and line == "```":
            found.append((section, "\n".join(lines)))
            lines = None
        elif lines is not None:
            lines.append(line)
        elif line == f"```{language}":
            lines = []
    return found


def documented_metrics() -> set[str]:
    """The names that /metrics can have, from the table of docs/metrics.md."""
    found = set()
    for name, kind in re.findall(r"^\| `(alluvium_\w+)` \| (\w+) \|", METRICS.read_text(), re.MULTILINE):
        found |= {name + part for part in HISTOGRAM_PARTS} if kind == "histogram" else {name}
    return found
