"""Writes Grafana's JSON (grafana/) from the definitions (dashboards/).

    observability/generate.py           # writes
    observability/generate.py --check   # fails if what is there is not up to date

A definition lists panels from left to right and from top to bottom. Each metric gets the matcher of the dashboard's job, so
definitions leave it out. Whatever a definition does not say is set here, once for all panels.
"""

import argparse
import json
import sys
from pathlib import Path

from expressions import HERE, dashboards, of_one_job

GRAFANA = HERE / "grafana"
# Columns of Grafana's grid, and the size of a panel in it, by kind.
COLUMNS = 24
SIZES = {"timeseries": (12, 8), "stat": (4, 4), "text": (24, 4)}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
LABEL_VALUES = "label_values(alluvium_nodes_live, job)"
KEYS_OF_DASHBOARD = {"title", "description", "note", "variable", "panel"}
KEYS_OF_PANEL = {"title", "description", "kind", "unit", "width", "stack", "decimals", "red_above", "red_below", "queries"}


def variables(definition: dict) -> list[dict]:
    source = {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus"}
    job = {"type": "query", "name": "job", "label": "Cluster (job)", "datasource": SOURCE, "refresh": 1, "sort": 1,
           "query": {"query": LABEL_VALUES, "refId": "jobs"}}
    own = [{"type": "textbox", "name": one["name"], "label": one["label"], "description": one["description"],
            "query": one["value"], "current": {"text": one["value"], "value": one["value"]},
            "options": [{"text": one["value"], "value": one["value"], "selected": True}]}
           for one in definition.get("variable", [])]
    return [source, job, *own]


def thresholds(panel: dict) -> dict:
    if "red_above" in panel:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": panel["red_above"]}]
    elif "red_below" in panel:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": panel["red_below"]}]
    else:
        steps = [{"color": "blue", "value": None}]
    return {"mode": "absolute", "steps": steps}


def options_of(panel: dict) -> tuple[dict, dict]:
    """A panel's options, and the part of its field configuration that is of its kind alone."""
    if panel.get("kind") == "stat":
        options = {"colorMode": "value", "graphMode": "area", "justifyMode": "auto", "orientation": "auto",
                   "percentChangeColorMode": "standard", "showPercentChange": False, "textMode": "auto", "wideLayout": True,
                   "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
        return options, {}
    stacking = {"mode": "normal" if panel.get("stack") else "none", "group": "A"}
    drawn = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 30 if panel.get("stack") else 10, "showPoints": "never",
             "spanNulls": False, "stacking": stacking}
    options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    return options, {"custom": drawn}


def panel_json(number: int, panel: dict, place: dict) -> dict:
    if unknown := panel.keys() - KEYS_OF_PANEL:
        raise ValueError(f"panel {panel['title']}: unknown keys {sorted(unknown)}")
    options, own = options_of(panel)
    defaults = {"unit": panel["unit"], "thresholds": thresholds(panel), "color": color_of(panel), **own}
    if "decimals" in panel:
        defaults["decimals"] = panel["decimals"]
    targets = [{"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": of_one_job(query["expr"]),
                "legendFormat": query["legend"], "range": True, "instant": False}
               for index, query in enumerate(panel["queries"])]
    return {"id": number, "type": panel.get("kind", "timeseries"), "title": panel["title"],
            "description": panel["description"], "datasource": SOURCE, "gridPos": place, "targets": targets,
            "fieldConfig": {"defaults": defaults, "overrides": []}, "options": options}


def color_of(panel: dict) -> dict:
    return {"mode": "thresholds" if panel.get("kind") == "stat" else "palette-classic"}


def note_json(number: int, text: str, place: dict) -> dict:
    return {"id": number, "type": "text", "title": "", "gridPos": place, "options": {"mode": "markdown", "content": text}}


class Grid:
    """Gives panels their places, in rows that are filled from the left."""

    def __init__(self):
        self.x = self.y = self.height = 0

    def place(self, kind: str, width: int | None) -> dict:
        usual_width, height = SIZES[kind]
        width = width or usual_width
        if self.x + width > COLUMNS or self.height not in (0, height):
            self.x, self.y = 0, self.y + self.height
        place = {"x": self.x, "y": self.y, "w": width, "h": height}
        self.x, self.height = self.x + width, height
        return place


def dashboard_json(name: str, definition: dict) -> dict:
    if unknown := definition.keys() - KEYS_OF_DASHBOARD:
        raise ValueError(f"{name}: unknown keys {sorted(unknown)}")
    grid, panels = Grid(), []
    if "note" in definition:
        panels.append(note_json(1, definition["note"], grid.place("text", None)))
    for panel in definition["panel"]:
        place = grid.place(panel.get("kind", "timeseries"), panel.get("width"))
        panels.append(panel_json(len(panels) + 1, panel, place))
    others = {"type": "dashboards", "title": "Alluvium", "icon": "external link", "tooltip": "", "tags": ["alluvium"],
              "asDropdown": True, "includeVars": True, "keepTime": True, "targetBlank": False}
    return {"uid": f"alluvium-{name}", "title": f"Alluvium: {definition['title']}", "description": definition["description"],
            "tags": ["alluvium"], "editable": True, "graphTooltip": 1, "schemaVersion": 39, "refresh": "30s",
            "time": {"from": "now-1h", "to": "now"}, "timezone": "browser", "links": [others],
            "templating": {"list": variables(definition)}, "annotations": {"list": []}, "panels": panels}


def files() -> dict[Path, str]:
    return {GRAFANA / f"{name}.json": json.dumps(dashboard_json(name, definition), indent=2) + "\n"
            for name, definition in dashboards().items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file would change")
    is_check = parser.parse_args().check
    made = files()
    stale = [path for path in GRAFANA.glob("*.json") if path not in made]
    different = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    if is_check:
        for path in [*stale, *different]:
            print(f"{path.relative_to(HERE.parent)}:1: not what the definitions say; run observability/verify --write")
        return 1 if stale or different else 0
    for path in stale:
        path.unlink()
    for path in different:
        path.write_text(made[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
