"""Asks a real Prometheus every query of the dashboards, the rules and the runbook, while it scrapes real servers under load.

    observability/live.py --prometheus PROGRAM [--target embedded|cluster] [--seconds 40] [--answers FILE]

A query passes if it returns a number, and if each series that it selects is there. may_be_empty.toml lists the exceptions; one that
is not needed fails. `--answers` keeps the answers of panels for draw.py. Needs ALLUVIUM_TEST_BINARY and ALLUVIUM_TEST_CLIENTS
as tests/soak does, and FDB_HOME for the cluster.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from expressions import HERE, Query, dashboards, of_one_job, panel_queries, rules, runbook_blocks, selectors
from load import Load
from prometheus_server import Prometheus, filled, has_number

from targets import AGES, Embedded, ThreeAgents, agents_for

TARGETS = {target.name: target for target in (Embedded, ThreeAgents)}
# What the load runs longer, so that the questions are asked under it.
ASK_SECONDS = 30
# Until rules have been evaluated once.
SETTLE_SECONDS = 4
# Of a long run, only its end is asked: rates over five minutes are low in the first five.
SHOWN_SECONDS = 60


def variables_of(definition: dict) -> dict[str, str]:
    return {one["name"]: one["value"] for one in definition.get("variable", [])}


class Questions:
    """Asks, and collects what is wrong."""

    def __init__(self, prometheus: Prometheus, target: str, start: float, end: float):
        self.prometheus, self.target, self.start, self.end = prometheus, target, start, end
        listed = tomllib.loads((HERE / "may_be_empty.toml").read_text())["series"]
        self.exceptions = {one["selector"]: one for one in listed if target in one["targets"]}
        # Exceptions that queries selected, and those that were needed.
        self.selected: set[str] = set()
        self.needed: set[str] = set()
        self.found: list[str] = []
        self.asked = 0

    def ask(self, query: Query, is_number_needed: bool = True) -> list[dict]:
        self.asked += 1
        try:
            series = self.prometheus.over(query.expression, self.start, self.end)
        except ValueError as error:
            self.found.append(f"{query.where}: Prometheus refuses it: {error}: {query.expression}")
            return []
        selected = selectors(query.expression)
        self.selected |= {self.plain(one) for one in selected} & self.exceptions.keys()
        missing = [one for one in selected if not self.exists(one)]
        excused = [one for one in missing if self.plain(one) in self.exceptions]
        self.needed |= {self.plain(one) for one in excused}
        self.found += [f"{query.where}: no series: {one}" for one in missing if one not in excused]
        if is_number_needed and not missing and not has_number(series):
            self.found.append(f"{query.where}: no number: {query.expression}")
        return series

    def exists(self, selector: str) -> bool:
        return bool(self.prometheus.over(selector, self.start, self.end))

    def plain(self, selector: str) -> str:
        """The selector as it stands in a definition."""
        return selector.replace(', job=~"alluvium"', "").replace('{job=~"alluvium"}', "")

    def superfluous(self) -> list[str]:
        sometimes = {selector for selector, one in self.exceptions.items() if one["happens"] == "sometimes"}
        return [f"may_be_empty.toml: not needed for {self.target}: {selector}"
                for selector in self.exceptions.keys() - self.needed - (sometimes & self.selected)]


def ask_panels(questions: Questions) -> dict[str, list]:
    """Asks the queries of all panels. Returns the answers by dashboard, in the order of its panels."""
    answers = {}
    for name, definition in dashboards().items():
        variables = variables_of(definition)
        asked = (Query(query.where, filled(of_one_job(query.expression), variables)) for query in panel_queries(name, definition))
        answers[name] = [questions.ask(query) for query in asked]
    return answers


def ask_rules(questions: Questions):
    """Asks what rules select: an alert that is silent has no answer. Then whether Prometheus could evaluate them."""
    for rule in rules("record"):
        questions.ask(Query(rule["record"], rule["expr"]))
    for rule in rules("alert"):
        questions.ask(Query(rule["alert"], rule["expr"]), is_number_needed=False)
    for section, block in runbook_blocks("promql"):
        for line in block.splitlines():
            questions.ask(Query(f"docs/runbook.md, {section}", line), is_number_needed=False)
    for rule in questions.prometheus.rules():
        if rule["health"] != "ok":
            questions.found.append(f"{rule['name']}: {rule['health']}: {rule.get('lastError')}")
        if rule["type"] == "alerting" and any(alert["state"] == "firing" for alert in rule["alerts"]):
            questions.found.append(f"{rule['name']} fires, though nothing is wrong")


def run(options: argparse.Namespace, directory: Path) -> list[str]:
    target = TARGETS[options.target](directory, agents_for(options.seconds), AGES)
    prometheus = load = None
    try:
        target.start()
        prometheus = Prometheus(options.prometheus, directory / "prometheus", list(target.http_addresses.values()))
        prometheus.start()
        began = time.time()
        # The load outlives the questions.
        load = Load(target, directory, options.seconds + ASK_SECONDS)
        while time.time() < began + options.seconds:
            if failures := load.failures():
                return failures
            time.sleep(0.5)
        end = began + options.seconds
        questions = Questions(prometheus, options.target, max(began + SETTLE_SECONDS, end - SHOWN_SECONDS), end)
        answers = ask_panels(questions)
        ask_rules(questions)
        if options.answers:
            options.answers.write_text(json.dumps(answers))
        found = questions.found + questions.superfluous() + load.failures()
        print(f"{options.target}: {questions.asked} queries asked, {len(questions.needed)} of {len(questions.exceptions)} "
              f"exceptions needed, {len(found)} wrong")
        return found
    finally:
        if load:
            load.kill()
        if prometheus:
            prometheus.stop()
        target.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--prometheus", type=Path, required=True, help="the program")
    parser.add_argument("--target", choices=TARGETS, default="embedded", help="what is under load (embedded)")
    parser.add_argument("--seconds", type=float, default=40, help="time of load before the questions (40)")
    parser.add_argument("--answers", type=Path, help="file to which the answers of panels are written")
    options = parser.parse_args()
    if missing := TARGETS[options.target].missing():
        print(f"{options.target}: SKIPPED: {missing}")
        return 0
    # Servers are stopped whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = Path(tempfile.mkdtemp(prefix="alluvium-observability-"))
    found = run(options, directory)
    for sentence in found:
        print(f"FAILED: {sentence}")
    if found:
        print(f"logs are in {directory}")
    else:
        shutil.rmtree(directory)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
