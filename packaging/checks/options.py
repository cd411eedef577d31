"""Compares every option that the packages set with those that the binary has, and has the binary read what they set.

    options.py BINARY COMPOSE.json MANIFESTS.yaml...

An option is named by an argument or an ALLUVIUM_* variable of a process, by a key of a TOML file, or by a property of the chart's
schema. The last list must be complete: what the chart does not set itself, its user may.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from processes import Process, of_compose, of_image, of_manifests, of_unit

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
CHECKS = PACKAGING / "checks"
CHART = PACKAGING / "helm" / "alluvium"
TOML = {role: PACKAGING / "debian" / f"{role}.toml" for role in ("gateway", "compactor")}
TEXTS = ["Dockerfile", ".github/workflows/*", "packaging/**/*"]
DOCUMENTED = re.compile(r"^#([a-z0-9-]+) = ", re.MULTILINE)
VARIABLE = re.compile(r"\bALLUVIUM_[A-Z0-9_]+\b")
# Flags that are no options of the configuration.
COMMAND_FLAGS = {"config", "dry-run", "help", "once"}
# The chart cannot take it from a user, because it is another one for each pod.
FOR_EACH_POD = {"node-id"}
# Stores and listeners of this machine instead of those of the packages: the doctor tries them.
LOCAL = {
    "ALLUVIUM_STORE": "./objects",
    "ALLUVIUM_METASTORE": "redb:./metastore",
    "ALLUVIUM_DATA_DIR": ".",
    "ALLUVIUM_KAFKA_LISTEN": "127.0.0.1:0",
    "ALLUVIUM_HTTP_LISTEN": "127.0.0.1:0",
}


def option(variable: str) -> str:
    return variable.removeprefix("ALLUVIUM_").lower().replace("_", "-")


def is_ours(variable: str) -> bool:
    return variable.startswith("ALLUVIUM_") and variable != "ALLUVIUM_CONFIG"


def flags_of(binary: str, role: str) -> set[str]:
    text = subprocess.run([binary, role, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^\s+(?:-\w, )?--([a-z0-9-]+)", text, re.MULTILINE)) - COMMAND_FLAGS


def unknown_in_texts(options: set[str]) -> list[str]:
    complaints = []
    for path in sorted(path for pattern in TEXTS for path in ROOT.glob(pattern) if path.is_file() and path.parent != CHECKS):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for name in VARIABLE.findall(line):
                if is_ours(name) and option(name) not in options:
                    complaints.append(f"{path.relative_to(ROOT)}:{number}: {name} is no option of the binary")
    return complaints


def keys_of(toml: str) -> set[str]:
    """Keys that are set, and those that are shown as an example."""
    return set(tomllib.loads(re.sub(r"^#(?=[a-z0-9-]+ = )", "", toml, flags=re.MULTILINE)))


def unknown_in_processes(processes: list[Process], options: set[str]) -> list[str]:
    complaints = []
    for process in processes:
        names = {option(name) for name in process.environment if is_ours(name)}
        names |= {argument[2:].split("=")[0] for argument in process.arguments if argument.startswith("--")} - COMMAND_FLAGS
        complaints += [f"{process.where}: {name} is no option of the binary" for name in sorted(names - options)]
    return complaints


def refused(binary: str, process: Process) -> list[str]:
    """What the binary says of the process's configuration, other than that it is consistent."""
    arguments = [re.sub(r"^/etc/alluvium/", f"{PACKAGING}/debian/", argument) for argument in process.arguments[1:]]
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run([binary, "doctor", "--json", *arguments], cwd=directory, capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"]} | process.environment | LOCAL)
    try:
        findings = json.loads(done.stdout)["findings"]
    except (json.JSONDecodeError, KeyError):
        return [f"{process.where}: {done.stderr.strip()}"]
    return [f"{process.where}: {finding['found']}" for finding in findings
            if finding["check"] == "configuration" and finding["outcome"] != "ok"]


def missing_in_schema(image: Process, options: set[str]) -> list[str]:
    schema = json.loads((CHART / "values.schema.json").read_text())
    offered = set(schema["$defs"]["options"]["properties"])
    templates = "".join(path.read_text() for path in sorted((CHART / "templates").iterdir()))
    fixed = {option(name) for name in VARIABLE.findall(templates)} | {option(name) for name in image.environment} | FOR_EACH_POD
    complaints = [f"values.schema.json: no option {name}" for name in sorted(options - fixed - offered)]
    complaints += [f"values.schema.json: {name} is no option of the binary" for name in sorted(offered - options)]
    return complaints + [f"values.schema.json: {name} is set by the chart itself" for name in sorted(offered & fixed)]


def main(binary: str, compose: str, *manifests: str) -> int:
    options = set(DOCUMENTED.findall((ROOT / "docs" / "configuration.md").read_text()))
    complaints = []
    for role in TOML:
        flags = flags_of(binary, role)
        complaints += [f"docs/configuration.md and `alluvium {role} --help` differ: {name}" for name in sorted(flags ^ options)]
    for path in TOML.values():
        unknown = sorted(keys_of(path.read_text()) - options)
        complaints += [f"{path.relative_to(ROOT)}: {name} is no option of the binary" for name in unknown]
    image = of_image(ROOT / "Dockerfile")
    rendered = [process for file in manifests for process in of_manifests(Path(file), image.environment)]
    unit = PACKAGING / "systemd" / "alluvium@.service"
    units = [of_unit(unit, PACKAGING / "debian" / "environment", role) for role in TOML]
    processes = [image, *of_compose(Path(compose), image.environment), *rendered, *units]
    complaints += unknown_in_texts(options) + unknown_in_processes(processes, options)
    complaints += missing_in_schema(image, options)
    for process in processes:
        complaints += refused(binary, process)
    print("\n".join(complaints) or f"{len(options)} options; the binary reads those of {len(processes)} processes")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
