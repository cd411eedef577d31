"""What instances get at boot: scripts that shellcheck accepts, units, and options that the program has."""

import json
import os
import pathlib
import re
import subprocess
import tomllib

import configuration
import pytest
import yaml

KINDS = ["gateway", "compactor", "foundationdb-double", "foundationdb-three_data_hall"]
EACH_KIND = pytest.mark.parametrize("kind", KINDS)
# Bytes that EC2 takes as user data, before they are encoded.
USER_DATA_BYTES_MAX = 16 << 10


@EACH_KIND
def test_shellcheck_accepts_the_scripts(kind, instances, tmp_path):
    scripts = {path: file["content"] for path, file in instances[kind].items()
               if re.match(r"#!.*bash", file["content"]) or path.endswith(".sh")}
    assert len(scripts) >= 4
    for path, content in scripts.items():
        script = tmp_path / pathlib.Path(path).name
        script.write_text(content)
        arguments = ["shellcheck", "--shell=bash", "--enable=quote-safe-variables,check-unassigned-uppercase", "--exclude=SC1091"]
        # What the sourced environment sets is checked below.
        checked = subprocess.run([*arguments, "--exclude=SC2154,SC2034", script], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout


@EACH_KIND
def test_python_scripts_compile(kind, instances):
    for path, file in instances[kind].items():
        if "python3" in file["content"].splitlines()[0]:
            compile(file["content"], path, "exec")


@EACH_KIND
def test_a_script_uses_only_variables_that_the_boot_environment_sets(kind, instances):
    given = set(re.findall(r"^(\w+)=", instances[kind]["/etc/alluvium/boot.env"]["content"], re.MULTILINE))
    known = {"PATH", "FETCH_PAUSE_SECONDS", "INSTANCE_METADATA_URL", "INSTANCE_LIBRARY", "BOOT_ENV"}
    for path, file in instances[kind].items():
        content = file["content"]
        if not re.match(r"#!.*bash", content):
            continue
        own = set(re.findall(r"\b([A-Z][A-Z0-9_]+)=", content))
        optional = set(re.findall(r"\$\{([A-Z][A-Z0-9_]+):-", content))
        used = set(re.findall(r"\$\{?([A-Z][A-Z0-9_]+)", content))
        assert used - own - optional - given - known == set(), path


@EACH_KIND
def test_every_variable_of_the_boot_environment_is_used(kind, instances):
    given = re.findall(r"^(\w+)=", instances[kind]["/etc/alluvium/boot.env"]["content"], re.MULTILINE)
    texts = "\n".join(file["content"] for path, file in instances[kind].items() if path.startswith("/usr/local/"))
    # The AWS command line reads it.
    assert [name for name in given if name not in texts and name != "AWS_DEFAULT_REGION"] == []


@EACH_KIND
def test_user_data_fits(kind, rendered):
    assert rendered["user_data_bytes"][kind] * 3 / 4 <= USER_DATA_BYTES_MAX


@EACH_KIND
def test_what_a_unit_starts_is_there(kind, instances, rendered):
    files = instances[kind]
    installed = {"/usr/local/bin/alluvium"}
    for path, file in files.items():
        if path.endswith(".service"):
            command = re.search(r"^ExecStart=(\S+)", file["content"], re.MULTILINE).group(1)
            assert command in installed or files[command]["permissions"] == "0755", path
        if path.endswith(".timer"):
            assert path.removesuffix(".timer") + ".service" in files
    for command in yaml.safe_load(rendered["user_data"][kind])["runcmd"]:
        if command[0] == "sh":
            # The first boot of FoundationDB is tried until it succeeds.
            [command] = re.findall(r"^until (\S+); do sleep \d+; done$", command[2])
            command = [command]
        assert files[command[0]]["permissions"] == "0755"
    for path, file in files.items():
        for unit in re.findall(r"systemctl \S+ (?:--now )?(?:--no-block )?(.*)", file["content"]):
            for name in re.findall(r"[a-z-]+\.(?:service|timer)", unit):
                assert f"/etc/systemd/system/{name}" in files or name == "foundationdb.service", f"{path}: {name}"


@EACH_KIND
def test_systemd_accepts_the_units(kind, instances, tmp_path):
    if subprocess.run(["sh", "-c", "command -v systemd-analyze"], capture_output=True, check=False).returncode:
        pytest.skip("no systemd-analyze")
    for path, file in instances[kind].items():
        if path.startswith("/etc/systemd/system/") and path.count("/") == 4:
            # The commands are not on this machine.
            (tmp_path / pathlib.Path(path).name).write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", file["content"]))
    units = sorted(str(unit) for unit in tmp_path.iterdir())
    checked = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    ours = [line for line in checked.stderr.splitlines() if str(tmp_path) in line or "alluvium" in line or "foundationdb" in line]
    assert ours == []


# --- options of the program

def documented():
    """Options by name, as docs/configuration.md lists them."""
    page = (configuration.REPOSITORY / "docs/configuration.md").read_text()
    names = set(re.findall(r"^#([a-z0-9-]+) = ", page, re.MULTILINE))
    assert len(names) > 30, "the page is read wrongly"
    return names


@pytest.mark.parametrize("role", ["gateway", "compactor"])
def test_the_program_has_every_option(role, instances):
    files = instances[role]
    options = tomllib.loads(files["/etc/alluvium/alluvium.toml"]["content"])
    assert set(options) - documented() == set()
    assert options["store"] == "s3://bucket/prefix" and options["metastore"] == "fdb:///var/lib/alluvium/fdb.cluster"
    assert ("kafka-listen" in options) == (role == "gateway")
    variables = {name for file in files.values() for name in re.findall(r"\b(ALLUVIUM_[A-Z_]+)", file["content"])}
    assert variables - {"ALLUVIUM_" + name.upper().replace("-", "_") for name in documented()} == set()
    [command] = re.findall(r"^ExecStart=/usr/local/bin/alluvium (.*)$", files["/etc/systemd/system/alluvium.service"]["content"], re.MULTILINE)
    assert command == f"{role} --config /etc/alluvium/alluvium.toml"


def test_systemd_waits_for_the_drain(instances):
    for role in ("gateway", "compactor"):
        options = tomllib.loads(instances[role]["/etc/alluvium/alluvium.toml"]["content"])
        [stop] = re.findall(r"^TimeoutStopSec=(\d+)$", instances[role]["/etc/systemd/system/alluvium.service"]["content"], re.MULTILINE)
        assert int(stop) == int(options["drain-timeout"].removesuffix("s")) + 30


@pytest.mark.parametrize("role", ["gateway", "compactor"])
def test_the_program_accepts_the_configuration(role, instances, tmp_path):
    binary = os.environ.get("ALLUVIUM_TEST_BINARY") or configuration.REPOSITORY / "target/release/alluvium"
    if not os.access(binary, os.X_OK):
        pytest.skip("no binary: neither ALLUVIUM_TEST_BINARY nor target/release/alluvium")
    text = instances[role]["/etc/alluvium/alluvium.toml"]["content"]
    # Here the metastore is a directory: the doctor would wait for FoundationDB.
    text = re.sub(r"(?m)^(metastore|store|data-dir) = .*\n", "", text) + f'data-dir = "{tmp_path}/data"\n'
    text = re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", text)
    (tmp_path / "alluvium.toml").write_text(text)
    command = [binary, "doctor", "--config", "alluvium.toml", "--json"]
    # Variables of ours begin like options of the program, which refuses those that it does not know.
    env = {name: value for name, value in os.environ.items() if not name.startswith("ALLUVIUM_")}
    asked = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120)
    findings = json.loads(asked.stdout)["findings"]
    wrong = [finding for finding in findings if finding["check"] == "configuration" and finding["outcome"] != "ok"]
    assert wrong == [] and len(findings) > 5, findings


# --- metrics

def test_the_program_has_every_metric_that_is_sent_and_all_alarms_have_theirs(rendered):
    page = (configuration.REPOSITORY / "docs/metrics.md").read_text()
    documented_metrics = set(re.findall(r"^\| `(alluvium_\w+)`", page, re.MULTILINE))
    sent = set(rendered["metrics"])
    assert sent - documented_metrics == set()
    observed = configuration.module("observability").locals
    watched = {configuration.plain(alarm["metric"]) for alarm in observed["program_alarms"].values() if isinstance(alarm, dict)}
    assert watched - sent == set()
    status = (configuration.TERRAFORM / "modules/boot/foundationdb/files/foundationdb-status").read_text()
    for name, alarm in observed["foundationdb_alarms"].items():
        if isinstance(alarm, dict):
            assert f'"{configuration.plain(alarm["metric"])}"' in status, name


def test_what_cloudwatch_sends_is_in_one_namespace(instances):
    agent = json.loads(instances["gateway"]["/etc/alluvium/cloudwatch-agent.json"]["content"])
    processor = agent["logs"]["metrics_collected"]["prometheus"]["emf_processor"]
    assert processor["metric_namespace"] == "Alluvium"
    scrape = yaml.safe_load(instances["gateway"]["/etc/alluvium/prometheus.yaml"]["content"])
    labels = scrape["scrape_configs"][0]["static_configs"][0]["labels"]
    assert set(processor["metric_declaration"][0]["dimensions"][0]) == set(labels)
    assert "METRICS_NAMESPACE='Alluvium'" in instances["foundationdb-double"]["/etc/alluvium/boot.env"]["content"]


# --- FoundationDB

def sections(text):
    return dict(re.findall(r"^\[(\S+)\]\n((?:.+\n)*)", text, re.MULTILINE))


def test_foundationdb_has_its_processes_and_places_its_copies_by_zone(instances):
    double = sections(instances["foundationdb-double"]["/etc/alluvium/foundationdb.conf"]["content"])
    halls = sections(instances["foundationdb-three_data_hall"]["/etc/alluvium/foundationdb.conf"]["content"])
    classes = {"fdbserver.4500": "class = storage\n", "fdbserver.4501": "class = transaction\n", "fdbserver.4502": "class = stateless\n"}
    for conf in (double, halls):
        assert {name: body for name, body in conf.items() if name.startswith("fdbserver.")} == classes
        assert "public-address = 10.0.0.4:$ID\n" in conf["fdbserver"]
        assert "locality-data-hall = eu-central-1a\n" in conf["fdbserver"]
        assert "cluster-file = /var/lib/foundationdb/fdb.cluster\n" in conf["general"]
        assert "backup_agent.1" in conf
        for section in ("fdbserver", "backup_agent"):
            assert "logdir = /var/lib/foundationdb/log\n" in conf[section], "the root volume is small"
    assert "locality-zoneid = eu-central-1a\n" in double["fdbserver"]
    assert "locality-zoneid = eu-central-1a-0\n" in halls["fdbserver"]


def test_coordinators_are_odd_and_spread_over_the_zones(rendered):
    zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    first = [f"{zone}-0" for zone in zones]
    assert rendered["coordinators"] == {
        "1-1": first,
        "3-3": [f"{zone}-{number}" for zone in zones for number in range(3)],
        "4-1": first,
    }
    # What is rendered is what the module says.
    layout = (configuration.TERRAFORM / "checks/render/main.tf").read_text()
    machines = configuration.module("foundationdb").code
    for expression in ("in setproduct(keys(", '"${pair[0]}-${pair[1]}" => { zone = pair[0], number = pair[1] }'):
        assert expression in layout and expression in machines
