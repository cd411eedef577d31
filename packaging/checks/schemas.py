"""Writes the JSON schemas with which kubeconform checks manifests: <directory>/v<version>/<kind>-<group>-<version>.json.

    schemas.py DIRECTORY SERVICEMONITOR-DEFINITION.json KUBERNETES-VERSION...

Kubernetes' own come from the package kubernetes-validate, where they refer to each other by addresses on the web; here each is
complete. That of the ServiceMonitor comes from the definition of the custom resource. Unknown fields are errors in both.
"""

import json
import sys
from pathlib import Path

import kubernetes_validate

KINDS = ["deployment-apps-v1", "networkpolicy-networking-v1", "poddisruptionbudget-policy-v1", "service-v1", "serviceaccount-v1",
         "statefulset-apps-v1"]
SOURCE = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


def complete(schema: str, definitions: dict) -> dict:
    document = json.loads(schema.replace('"/api/_definitions.json#', '"#'))
    del document["$id"]
    return document | {"$defs": definitions}


def closed(schema):
    """The schema without room for what it does not name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(part) for key, part in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        result.setdefault("additionalProperties", False)
    return result


def of_custom_resource(definition: dict) -> dict:
    [version] = definition["spec"]["versions"]
    schema = closed(version["schema"]["openAPIV3Schema"])
    # Declared without its fields, which Kubernetes itself defines.
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def main(directory: str, definition: str, *versions: str):
    monitor = of_custom_resource(json.loads(Path(definition).read_text()))
    for version in versions:
        source, into = SOURCE / f"v{version}-local-strict", Path(directory) / f"v{version}"
        into.mkdir(parents=True, exist_ok=True)
        definitions = json.loads((source / "_definitions.json").read_text().replace('"/api/_definitions.json#', '"#'))["$defs"]
        for kind in KINDS:
            schema = complete((source / f"{kind}.json").read_text(), definitions)
            (into / f"{kind}.json").write_text(json.dumps(schema))
        (into / "servicemonitor-monitoring-v1.json").write_text(json.dumps(monitor))


if __name__ == "__main__":
    main(*sys.argv[1:])
