"""Runs those steps of .github/workflows/release.yaml that need nothing of GitHub.

The first job ends a release without the checksum of FoundationDB's client, and all others wait for it. The list of checksums has
each file of the release and not itself.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

WORKFLOW = Path(__file__).resolve().parents[2] / ".github" / "workflows" / "release.yaml"
FIRST = "version"
# The shell may list the files before or after the list is made.
TRIES = 20


def run(job: dict, step: str, directory: str, environment: dict[str, str]) -> int:
    [script] = [one["run"] for one in job["steps"] if one.get("name") == step]
    # As GitHub starts it.
    command = ["bash", "-e", "-c", script]
    return subprocess.run(command, cwd=directory, env={"PATH": os.environ["PATH"]} | environment, capture_output=True).returncode


def waits_for_first(jobs: dict, name: str) -> bool:
    needs = jobs[name].get("needs", [])
    return any(need == FIRST or waits_for_first(jobs, need) for need in ([needs] if isinstance(needs, str) else needs))


def listed(job: dict) -> set[str]:
    """The files in the list of checksums of a release of one file."""
    with tempfile.TemporaryDirectory() as directory:
        release = Path(directory) / "release"
        release.mkdir()
        (release / "archive").write_text("archive")
        if run(job, "Checksums", directory, {}) != 0:
            return set()
        return {line.split()[-1] for line in (release / "SHA256SUMS").read_text().splitlines()}


def main() -> int:
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    complaints = [f"{name} does not wait for {FIRST}" for name in jobs if name != FIRST and not waits_for_first(jobs, name)]
    for checksum, passes in (("", False), ("abc", False), ("0" * 64, True)):
        status = run(jobs[FIRST], "FoundationDB's client has a checksum for arm64", ".", {"FDB_SHA256_ARM64": checksum})
        if (status == 0) != passes:
            complaints.append(f"{FIRST} ends with {status} if FDB_SHA256_ARM64 is '{checksum}'")
    for _ in range(TRIES):
        files = listed(jobs["packages"])
        if files != {"archive"}:
            complaints.append(f"SHA256SUMS lists {sorted(files)}")
            break
    print("\n".join(f"release.yaml: {complaint}" for complaint in complaints) or "release.yaml: ends early, and lists its files")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
