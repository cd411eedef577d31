"""The processes of ours that the packages start: what a compose file, a chart's manifests, a unit or the image says of each."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

ROLES = {"dev", "gateway", "compactor", "doctor"}


@dataclass
class Process:
    """A command of the binary, and the environment that it gets."""

    where: str
    arguments: list[str]
    environment: dict[str, str]


def of_image(dockerfile: Path) -> Process:
    text = dockerfile.read_text().replace("\\\n", " ")
    environment = dict(re.findall(r"(ALLUVIUM_\w+)=(\S+)", text))
    return Process("Dockerfile", json.loads(re.search(r"^CMD (.*)$", text, re.MULTILINE)[1]), environment)


def of_compose(document: Path, image: dict[str, str]) -> list[Process]:
    services = json.loads(document.read_text())["services"]
    return [
        Process(f"compose: {name}", service["command"], image | service["environment"])
        for name, service in services.items()
        if service["image"].startswith("alluvium")
    ]


def of_manifests(file: Path, image: dict[str, str]) -> list[Process]:
    found = []
    for manifest in yaml.safe_load_all(file.read_text()):
        template = (manifest or {}).get("spec", {}).get("template")
        for container in template["spec"]["containers"] if template else []:
            # What Kubernetes fills in is text of the same kind.
            values = {entry["name"]: entry.get("value", "filled-in") for entry in container["env"]}
            environment = {name: re.sub(r"\$\((\w+)\)", "10.0.0.1", value) for name, value in values.items()}
            found.append(Process(f"{file.name}: {manifest['metadata']['name']}", container["args"], image | environment))
    return found


def of_unit(unit: Path, environment: Path, role: str) -> Process:
    command = re.search(r"^ExecStart=/usr/bin/alluvium (.*)$", unit.read_text(), re.MULTILINE)[1]
    # Also what is shown as an example.
    pairs = re.findall(r"^#?(\w+)=(.*)$", environment.read_text(), re.MULTILINE)
    return Process(f"unit: {role}", command.replace("%i", role).split(), dict(pairs))
