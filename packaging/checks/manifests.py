"""What no schema says of the chart's manifests, and of the compose file.

    manifests.py COMPOSE.json MANIFESTS.yaml...

Selectors find their pods, probes and scrapes ask what the binary answers, nothing is killed while it drains, nothing runs as root
or writes to its root, and what is published is published on loopback.
"""

import json
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# The binary's own; a longer list would invent some.
PORTS = {"kafka": 9092, "http": 8080}
DRAIN_SECONDS_MARGIN = 10
LABEL_LENGTH_MAX = 63
# In a label of each pod Kubernetes adds a hash to it.
STATEFULSET_LENGTH_MAX = LABEL_LENGTH_MAX - len("-0123456789")


def answered_paths() -> set[str]:
    return set(re.findall(r"^\| `GET (/[a-z]+)`", (ROOT / "docs" / "http.md").read_text(), re.MULTILINE))


def seconds(time: str) -> int:
    return int(re.fullmatch(r"(\d+)s", time)[1])


class Manifests:
    """One rendering of the chart."""

    def __init__(self, file: Path):
        self.name = file.name
        self.all = [manifest for manifest in yaml.safe_load_all(file.read_text()) if manifest]
        self.workloads = self.of("StatefulSet") + self.of("Deployment")
        self.complaints: list[str] = []

    def of(self, kind: str) -> list[dict]:
        return [manifest for manifest in self.all if manifest["kind"] == kind]

    def expect(self, holds: bool, manifest: dict, complaint: str):
        if not holds:
            self.complaints.append(f"{self.name}: {manifest['kind']} {manifest['metadata']['name']}: {complaint}")

    def selected(self, labels: dict) -> list[dict]:
        return [workload for workload in self.workloads
                if labels.items() <= workload["spec"]["template"]["metadata"]["labels"].items()]

    def check(self) -> list[str]:
        names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in self.all]
        for manifest in self.all:
            self.check_name(manifest)
            self.expect(names.count((manifest["kind"], manifest["metadata"]["name"])) == 1, manifest, "is there twice")
        for workload in self.workloads:
            self.check_workload(workload)
            self.check_pod(workload, workload["spec"]["template"]["spec"])
        for service in self.of("Service"):
            self.check_service(service)
        for budget in self.of("PodDisruptionBudget"):
            self.expect(bool(self.selected(budget["spec"]["selector"]["matchLabels"])), budget, "covers no pod")
        for monitor in self.of("ServiceMonitor"):
            self.check_monitor(monitor)
        covered = [w["metadata"]["name"] for budget in self.of("PodDisruptionBudget")
                   for w in self.selected(budget["spec"]["selector"]["matchLabels"])]
        for workload in self.workloads:
            self.expect(covered.count(workload["metadata"]["name"]) == 1, workload, "has not exactly one PodDisruptionBudget")
        return self.complaints

    def check_name(self, manifest: dict):
        longest = STATEFULSET_LENGTH_MAX if manifest["kind"] == "StatefulSet" else LABEL_LENGTH_MAX
        self.expect(len(manifest["metadata"]["name"]) <= longest, manifest, f"its name has more than {longest} characters")
        pods = manifest.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {})
        for value in [*manifest["metadata"]["labels"].values(), *pods.values()]:
            self.expect(len(value) <= LABEL_LENGTH_MAX, manifest, f"the label {value} is too long")

    def check_workload(self, workload: dict):
        labels = workload["spec"]["selector"]["matchLabels"]
        self.expect(self.selected(labels) == [workload], workload, "its selector is not its own")
        if workload["kind"] == "StatefulSet":
            names = [service["metadata"]["name"] for service in self.of("Service")
                     if service["spec"].get("clusterIP") == "None" and workload in self.selected(service["spec"]["selector"])]
            self.expect(workload["spec"]["serviceName"] in names, workload, "its Service is not there, or is not headless")

    def check_pod(self, workload: dict, pod: dict):
        def expect(holds, complaint):
            self.expect(holds, workload, complaint)

        expect(pod.get("enableServiceLinks") is False, "a Service named alluvium would add variables that the binary refuses")
        expect(pod["securityContext"].get("runAsNonRoot") is True, "may run as root")
        [container] = pod["containers"]
        environment = {entry["name"]: entry.get("value") for entry in container["env"]}
        rights = container["securityContext"]
        expect(rights.get("readOnlyRootFilesystem") is True, "its root can be written")
        expect(rights.get("allowPrivilegeEscalation") is False, "may escalate")
        expect(rights["capabilities"] == {"drop": ["ALL"]}, "has capabilities")
        drain = seconds(environment["ALLUVIUM_DRAIN_TIMEOUT"])
        expect(pod["terminationGracePeriodSeconds"] >= drain + DRAIN_SECONDS_MARGIN, "is killed while it drains")
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        expect(ports.items() <= PORTS.items(), f"ports {ports} are not the binary's")
        listens = {environment[name].rsplit(":")[-1] for name in environment if name.endswith("_LISTEN")}
        expect(listens == {str(port) for port in ports.values()}, f"declares {ports} and listens on {listens}")
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            expect(asked["path"] in answered_paths() and asked["port"] == "http", f"{probe} asks what nobody answers")
        if container["args"] == ["gateway"]:
            expect("$(POD_NAME)" in environment["ALLUVIUM_KAFKA_ADVERTISED"], "agents share one address")
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        expect(mounted == {volume["name"] for volume in pod["volumes"]}, "volumes and mounts differ")

    def check_service(self, service: dict):
        workloads = self.selected(service["spec"]["selector"])
        self.expect(bool(workloads), service, "has no pod")
        for workload in workloads:
            [container] = workload["spec"]["template"]["spec"]["containers"]
            names = {port["name"] for port in container["ports"]}
            self.expect({port["targetPort"] for port in service["spec"]["ports"]} <= names, service, "asks for another port")

    def check_monitor(self, monitor: dict):
        labels = monitor["spec"]["selector"]["matchLabels"]
        services = [s for s in self.of("Service") if labels.items() <= s["metadata"]["labels"].items()]
        scraped = [w["metadata"]["name"] for service in services for w in self.selected(service["spec"]["selector"])]
        expected = sorted(workload["metadata"]["name"] for workload in self.workloads)
        self.expect(sorted(scraped) == expected, monitor, f"scrapes {sorted(scraped)} and not each of {expected} once")
        jobs = {service["metadata"]["labels"].get(monitor["spec"]["jobLabel"]) for service in services}
        self.expect(len(jobs) == 1 and str(*jobs).startswith("alluvium"), monitor, f"a cluster is one job, not {jobs}")
        for endpoint in monitor["spec"]["endpoints"]:
            self.expect(endpoint["path"] in answered_paths(), monitor, "scrapes a path that nobody answers")


def compose_complaints(document: Path) -> list[str]:
    complaints = []
    project = json.loads(document.read_text())
    for name, service in project["services"].items():
        for port in service.get("ports", []):
            if port.get("host_ip") != "127.0.0.1":
                complaints.append(f"compose: {name}: port {port['target']} is not published on loopback")
        if not service["image"].startswith("alluvium"):
            continue
        if not service.get("read_only") or service["cap_drop"] != ["ALL"] or service["user"] != "65532:65532":
            complaints.append(f"compose: {name}: is not confined")
        drain = seconds(service["environment"]["ALLUVIUM_DRAIN_TIMEOUT"])
        if seconds(service["stop_grace_period"]) < drain + DRAIN_SECONDS_MARGIN:
            complaints.append(f"compose: {name}: is killed while it drains")
    return complaints + config_complaints(project) + scrape_complaints(document)


def config_complaints(project: dict) -> list[str]:
    """Compose mounts a config that is a file. Others it writes into the container, which a read-only root does not allow."""
    complaints = []
    for name, service in project["services"].items():
        for kind in ("configs", "secrets"):
            for used in service.get(kind) or []:
                file = project[kind][used["source"]].get("file")
                if service.get("read_only") and not file:
                    complaints.append(f"compose: {name}: is read-only, and {used['source']} is no file")
                if file and not (Path(file).is_file() and Path(file).stat().st_mode & 0o004):
                    complaints.append(f"compose: {name}: not everybody can read {file}")
    given = project["services"]["foundationdb"]["environment"]["FDB_CLUSTER_FILE_CONTENTS"]
    if (ROOT / "packaging" / "compose" / "fdb.cluster").read_text().strip() != given:
        complaints.append(f"compose: fdb.cluster is not the {given} of FoundationDB's server")
    return complaints


def scrape_complaints(document: Path) -> list[str]:
    """Prometheus scrapes each process of ours once, as one job."""
    services = json.loads(document.read_text())["services"]
    expected = sorted(f"{name}:{PORTS['http']}" for name, service in services.items() if service["image"].startswith("alluvium"))
    configuration = yaml.safe_load((ROOT / "packaging" / "compose" / "prometheus.yaml").read_text())
    [job] = configuration["scrape_configs"]
    targets = sorted(target for group in job["static_configs"] for target in group["targets"])
    return [] if targets == expected else [f"prometheus.yaml: scrapes {targets}, not {expected}"]


def main(compose: str, *files: str) -> int:
    manifests = [Manifests(Path(file)) for file in files]
    complaints = [complaint for one in manifests for complaint in one.check()] + compose_complaints(Path(compose))
    print("\n".join(complaints) or f"{sum(len(one.all) for one in manifests)} manifests and the compose file agree with the binary")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
