"""Checks what needs no server: metrics exist, each alert has its runbook section and its tests, commands exist.

    observability/check.py --alluvium PROGRAM
"""

import argparse
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import yaml

from expressions import HERE, RUNBOOK, ROOT, dashboards, documented_metrics, names, panel_queries, rules, runbook_blocks

TESTS = HERE / "prometheus" / "alerts_test.yaml"
ALERTS = "observability/prometheus/alerts.yaml"
SEVERITIES = {"critical", "warning"}
# A rule that is used once belongs where it is used.
USES_MIN = 2
# Commands of others in the runbook. Those with a page must stand there; Kafka's and kcat's flags are not checked.
FOREIGN = {"kcat": ROOT / "README.md", "fdbcli": ROOT / "docs" / "operating.md", "kafka-transactions.sh": None,
           "kafka-consumer-groups.sh": None, "echo": None}
ROUTES = ROOT / "docs" / "http.md"


def expressions() -> list[tuple[str, str]]:
    """Every expression of dashboards, rules and the runbook, and where it stands."""
    found = [(query.where, query.expression) for name, definition in dashboards().items()
             for query in panel_queries(name, definition)]
    found += [(rule.get("alert") or rule["record"], rule["expr"]) for kind in ("alert", "record") for rule in rules(kind)]
    return found + [(f"docs/runbook.md, {section}", line) for section, block in runbook_blocks("promql")
                    for line in block.splitlines()]


def unknown_metrics() -> list[str]:
    known = documented_metrics() | {rule["record"] for rule in rules("record")}
    return [f"{where}: {name} is neither in docs/metrics.md nor recorded"
            for where, expression in expressions() for name in sorted(names(expression) - known)]


def unused_records() -> list[str]:
    uses = Counter(name for _, expression in expressions() for name in names(expression))
    return [f"{rule['record']}: used {uses[rule['record']]} times; write it where it is used"
            for rule in rules("record") if uses[rule["record"]] < USES_MIN]


def incomplete_panels() -> list[str]:
    """Panels without what people need to read them."""
    needed = ("title", "description", "unit", "queries")
    return [f"{name} / {panel.get('title')}: no {key}" for name, definition in dashboards().items()
            for panel in definition["panel"] for key in needed if not panel.get(key)]


def incomplete_alerts() -> list[str]:
    found = []
    for rule in rules("alert"):
        name, annotations = rule["alert"], rule.get("annotations", {})
        if rule.get("labels", {}).get("severity") not in SEVERITIES:
            found.append(f"{name}: its severity is none of {sorted(SEVERITIES)}")
        found += [f"{name}: no {key}" for key in ("summary", "description") if not annotations.get(key)]
        if annotations.get("runbook_url") != f"docs/runbook.md#{name.lower()}":
            found.append(f"{name}: its runbook_url is not docs/runbook.md#{name.lower()}")
    return found


def runbook_without_alerts() -> list[str]:
    """Alerts without a section, sections without an alert, sections without one of their parts."""
    sections = re.split(r"^## (\w+)\n", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]
    texts = dict(zip(sections[::2], sections[1::2]))
    alerts = [rule["alert"] for rule in rules("alert")]
    found = [f"{ALERTS}: {name} has no section in docs/runbook.md" for name in alerts if name not in texts]
    found += [f"docs/runbook.md: {name} is no alert" for name in texts if name not in alerts]
    parts = ("**Means:**", "**Users feel:**", "**Look first:**", "**Do:**", "**Over:**", "```promql")
    found += [f"docs/runbook.md: {name} has no {part}" for name, text in texts.items() for part in parts if part not in text]
    return found


def untested_alerts() -> list[str]:
    """Alerts without a test in which they fire, or without one in which they do not."""
    firing, silent = set(), set()
    for group in yaml.safe_load(TESTS.read_text())["tests"]:
        name, what = group["name"].split(" ", 1)
        for test in group["promql_expr_test"]:
            fired = {match for sample in test["exp_samples"] for match in re.findall(r'alertname="(\w+)"', sample["labels"])}
            if what.startswith("fires") and name in fired:
                firing.add(name)
            if what.startswith("stays silent") and not fired and group["input_series"]:
                silent.add(name)
    alerts = [rule["alert"] for rule in rules("alert")]
    return ([f"{name}: no test in which it fires" for name in alerts if name not in firing]
            + [f"{name}: no test in which it stays silent" for name in alerts if name not in silent])


def unknown_commands(alluvium: Path) -> list[str]:
    found = []
    for section, block in runbook_blocks("sh"):
        for command in (part for line in block.splitlines() for part in line.split(" | ")):
            if complaint := complaint_about(shlex.split(command), alluvium):
                found.append(f"docs/runbook.md, {section}: {complaint}: {command}")
    return found


def complaint_about(words: list[str], alluvium: Path) -> str:
    if words[0] == "alluvium":
        said = subprocess.run([alluvium, words[1], "--help"], capture_output=True, text=True).stdout
        known = set(re.findall(r"--[a-z0-9-]+", said))
        unknown = [word for word in words[2:] if word.startswith("--") and word not in known]
        return f"no {words[1]} {unknown}" if unknown or not said else ""
    if words[0] == "curl":
        path = re.sub(r"\?.*", "", words[-1].removeprefix("http://").split("/", 1)[1])
        patterns = (re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route)) for route in
                    re.findall(r"(?:GET |, `)`?/([^`]+)`", ROUTES.read_text()))
        return "" if any(re.fullmatch(pattern, path) for pattern in patterns) else "no such route in docs/http.md"
    if words[0] not in FOREIGN:
        return "not a command that check.py knows"
    page = FOREIGN[words[0]]
    return f"not in {page.relative_to(ROOT)}" if page and words[0] not in page.read_text() else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--alluvium", type=Path, required=True, help="the binary whose --help is asked")
    alluvium = parser.parse_args().alluvium
    found = [*unknown_metrics(), *unused_records(), *incomplete_panels(), *incomplete_alerts(), *runbook_without_alerts(),
             *untested_alerts(), *unknown_commands(alluvium)]
    for sentence in found:
        print(f"FAILED: {sentence}")
    panels = sum(len(definition["panel"]) for definition in dashboards().values())
    print(f"check: {len(dashboards())} dashboards with {panels} panels, {len(rules('alert'))} alerts, {len(rules('record'))} "
          f"recorded queries, {len(expressions())} expressions, {len(runbook_blocks('sh'))} blocks of commands: {len(found)} wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
