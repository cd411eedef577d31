"""A real Prometheus with our rules, on loopback, and the questions it is asked."""

import json
import math
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from expressions import ROOT, RULES

sys.path.append(str(ROOT / "tests" / "clients"))
from servers import Process, free_port, wait_until  # noqa: E402

# Rates need two points: short, so that a run is.
SCRAPE_SECONDS = 2
# What Grafana puts in: the variables of a dashboard are added to these.
BUILT_IN = {"__rate_interval": f"{5 * SCRAPE_SECONDS}s", "job": "alluvium"}
STEP_SECONDS = 2
ANSWER_SECONDS = 30


def filled(expression: str, variables: dict[str, str]) -> str:
    """The expression with values for its variables. Grafana takes the longest name that fits, so do we."""
    for name, value in sorted((BUILT_IN | variables).items(), key=lambda pair: -len(pair[0])):
        expression = expression.replace(f"${name}", value)
    return expression


class Prometheus(Process):
    """Scrapes the targets from its start on."""

    def __init__(self, program: Path, directory: Path, targets: list[str]):
        super().__init__(directory)
        self.program, self.port = program, free_port()
        self.configuration = directory / "prometheus.json"
        interval = f"{SCRAPE_SECONDS}s"
        # JSON is YAML.
        self.configuration.write_text(json.dumps({
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
            "rule_files": [str(path) for path in RULES],
            "scrape_configs": [{"job_name": "alluvium", "static_configs": [{"targets": targets}]}],
        }))

    def start(self):
        self.spawn([self.program, f"--config.file={self.configuration}", f"--web.listen-address=127.0.0.1:{self.port}",
                    f"--storage.tsdb.path={self.directory / 'data'}", "--log.level=warn"])
        wait_until("Prometheus", self.is_ready, alive=self.alive)

    def is_ready(self) -> bool:
        try:
            self.get("/-/ready")
            return True
        except (urllib.error.URLError, OSError):
            return False

    def get(self, path: str, **parameters) -> bytes:
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}{query}", timeout=ANSWER_SECONDS) as answer:
            return answer.read()

    def api(self, path: str, **parameters):
        try:
            return json.loads(self.get(f"/api/v1/{path}", **parameters))["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(json.loads(error.read())["error"]) from error

    def over(self, expression: str, start: float, end: float) -> list[dict]:
        """The series of an expression from `start` to `end`; `ValueError` if Prometheus refuses it."""
        return self.api("query_range", query=expression, start=start, end=end, step=STEP_SECONDS)["result"]

    def rules(self) -> list[dict]:
        return [rule for group in self.api("rules")["groups"] for rule in group["rules"]]


def has_number(series: list[dict]) -> bool:
    """Whether one of the values is a number: a quantile of nothing is none."""
    return any(math.isfinite(float(value)) for one in series for _, value in one["values"])
