"""The scripts of instances, run against imitated services: what they do when a machine boots, drains or takes over a disk."""

import datetime
import hashlib
import json
import re
import time

import pytest

DEADLINE_SECONDS = 60


def wait_for(state):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not state():
        assert time.monotonic() < deadline, "the state was not reached"
        time.sleep(0.02)


# --- fetching

def fetch(machine, url, sha256):
    script = f'#!/usr/bin/env bash\nset -euo pipefail\n. "$INSTANCE_LIBRARY"\nfetch {url} {sha256} "{machine.directory}/got"\n'
    machine.files["fetch"] = {"content": script}
    return machine.run("fetch")


def test_a_file_with_the_right_checksum_is_kept(machine):
    m = machine("gateway")
    m.imitate("aws", 'echo content >"${@: -1}"')
    status, _, err = fetch(m, "s3://bucket/key", hashlib.sha256(b"content\n").hexdigest())
    assert status == 0, err
    assert m.calls == [f"aws s3 cp --only-show-errors s3://bucket/key {m.directory}/got"]
    assert (m.directory / "got").read_text() == "content\n"


def test_a_file_with_another_checksum_is_not_kept(machine):
    m = machine("gateway")
    m.imitate("aws", 'echo other >"${@: -1}"')
    status, _, _ = fetch(m, "s3://bucket/key", hashlib.sha256(b"content\n").hexdigest())
    assert status != 0 and not (m.directory / "got").exists()


def test_a_download_is_tried_again(machine):
    m = machine("gateway")
    m.imitate("aws", f'[[ $(wc -l <"{m.calls_file}") -ge 3 ]] || exit 1; echo content >"${{@: -1}}"')
    status, _, err = fetch(m, "s3://bucket/key", hashlib.sha256(b"content\n").hexdigest())
    assert status == 0 and len(m.calls) == 3, err


def test_only_s3_and_https_are_fetched(machine):
    m = machine("gateway")
    status, _, err = fetch(m, "http://example.com/x", "0" * 64)
    assert status == 2 and "neither" in err


# --- agents

def test_an_agent_learns_its_zone_and_address(machine):
    m = machine("gateway")
    m.answers(local_ipv4="10.0.1.5", placement__availability_zone="eu-central-1a")
    status, out, err = m.run("/usr/local/sbin/describe-instance")
    assert status == 0, err
    port = m.server.server_port
    assert out.splitlines() == [
        "ALLUVIUM_RACK=eu-central-1a",
        "ALLUVIUM_KAFKA_ADVERTISED=10.0.1.5:9092",
        f"ALLUVIUM_HTTP_ADVERTISED=10.0.1.5:{port}",
    ]


def test_an_agent_without_metadata_does_not_start(machine):
    m = machine("gateway")
    status, out, _ = m.run("/usr/local/sbin/describe-instance")
    assert status != 0 and out == ""


def test_a_compactor_has_no_zone(machine):
    m = machine("compactor")
    assert m.run("/usr/local/sbin/describe-instance")[:2] == (0, "")


@pytest.fixture
def agent(machine):
    m = machine("gateway")
    m.env["LIFECYCLE_PAUSE_SECONDS"] = "0"
    m.answers(instance_id="i-1", autoscaling__target_lifecycle_state="InService")
    m.imitate("aws")
    m.imitate("systemctl")
    m.server.answers["/healthz"] = (200, "")
    m.server.answers["/readyz"] = (503, "")
    m.process = m.start("/usr/local/sbin/follow-lifecycle")
    yield m
    m.process.kill()
    m.process.communicate()


def completed(hook):
    return (f"aws autoscaling complete-lifecycle-action --auto-scaling-group-name group --lifecycle-hook-name {hook} "
            "--instance-id i-1 --lifecycle-action-result CONTINUE")


def test_an_agent_is_in_service_once_it_is_ready_and_drains_before_it_ends(agent):
    asked = []
    agent.server.answers = Noting(agent.server.answers, asked)
    wait_for(lambda: asked.count("/readyz") >= 3)
    assert agent.calls == [], "it is not ready"
    agent.server.answers["/readyz"] = (200, "")
    wait_for(lambda: agent.calls == [completed("ready")])
    agent.answers(autoscaling__target_lifecycle_state="Terminated")
    assert agent.process.wait(DEADLINE_SECONDS) == 0
    assert agent.calls == [completed("ready"), "systemctl stop alluvium.service", completed("drained")]


def test_a_report_that_fails_is_made_again(agent):
    agent.imitate("aws", f'[[ $(wc -l <"{agent.calls_file}") -ge 4 ]]')
    agent.server.answers["/readyz"] = (200, "")
    wait_for(lambda: len(agent.calls) == 4)
    asked = []
    agent.server.answers = Noting(agent.server.answers, asked)
    wait_for(lambda: asked.count("/healthz") >= 5)
    assert agent.calls == [completed("ready")] * 4, "it is in service, and says so no more"


def test_an_agent_that_was_never_ready_drains_all_the_same(agent):
    agent.answers(autoscaling__target_lifecycle_state="Terminated")
    assert agent.process.wait(DEADLINE_SECONDS) == 0
    assert agent.calls == ["systemctl stop alluvium.service", completed("drained")]


def test_an_agent_that_is_not_ready_any_more_stays(agent):
    agent.server.answers["/readyz"] = (200, "")
    wait_for(lambda: agent.calls == [completed("ready")])
    agent.server.answers["/readyz"] = (503, "")
    asked = []
    agent.server.answers = Noting(agent.server.answers, asked)
    wait_for(lambda: asked.count("/healthz") >= 20)
    assert agent.calls == [completed("ready")] and agent.process.poll() is None


def test_a_process_that_fails_its_health_check_is_restarted(agent):
    agent.server.answers["/healthz"] = (500, "")
    wait_for(lambda: "systemctl try-restart alluvium.service" in agent.calls)


@pytest.mark.parametrize(("answered", "failures"), [(False, 60), (True, 12)])
def test_a_slow_start_has_more_time(agent, answered, failures):
    agent.process.kill()
    agent.process.communicate()
    agent.calls_file.write_text("")
    asked = []
    agent.server.answers = Noting(agent.server.answers, asked)
    agent.server.answers["/healthz"] = (200 if answered else 500, "")
    agent.imitate("systemctl", "kill $PPID")
    agent.process = agent.start("/usr/local/sbin/follow-lifecycle")
    if answered:
        wait_for(lambda: asked.count("/healthz") >= 3)
        # From here on it fails; one answer may be under way.
        agent.server.answers["/healthz"] = (500, "")
        asked.clear()
    agent.process.wait(DEADLINE_SECONDS)
    assert agent.calls == ["systemctl try-restart alluvium.service"], "what was stopped by hand stays stopped"
    assert asked.count("/healthz") in (failures, failures + 1)


class Noting(dict):
    """Answers that note what was asked for."""

    def __init__(self, answers, asked):
        super().__init__(answers)
        self.asked = asked

    def get(self, path, default=None):
        self.asked.append(path)
        return super().get(path, default)


# --- FoundationDB

INSTALL = "/usr/local/sbin/install-foundationdb"


@pytest.fixture
def new_machine(machine):
    """A machine whose volume is attached; `blkid` finds what the test says."""
    m = machine("foundationdb-double")
    for name in ("data", "devices", "etc/alluvium"):
        (m.directory / name).mkdir(parents=True)
    m.device = m.directory / "devices/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0"
    m.device.write_bytes(bytes(1 << 20))
    m.write("etc/fstab", "")
    m.write("etc/alluvium/fdb.cluster", m.files["/etc/alluvium/fdb.cluster"]["content"])
    m.write("etc/alluvium/foundationdb.conf", m.files["/etc/alluvium/foundationdb.conf"]["content"])
    m.env |= {
        "DATA_DIRECTORY": f"{m.directory}/data", "DEVICE_DIRECTORY": f"{m.directory}/devices", "ETC_DIRECTORY": f"{m.directory}/etc",
    }
    for command in ("mkfs.ext4", "mount", "resize2fs", "chown", "systemctl", "rpm", "groupadd", "useradd"):
        m.imitate(command)
    m.imitate("getent", "exit 2")
    m.imitate("mountpoint", "exit 1")
    m.imitate("aws", 'echo content >"${@: -1}"')
    # It reads to the end, as the real one does: else the pipe to it may break.
    m.imitate("sha256sum", "cat >/dev/null")
    # An absolute path in the script; the renewal has tests of its own.
    install = m.files[INSTALL]["content"].replace("/usr/local/sbin/renew-backup-credentials", "renew-backup-credentials")
    m.files = m.files | {INSTALL: {"content": install}}
    m.imitate("renew-backup-credentials")
    return m


def commands(m):
    return [call.split()[0] for call in m.calls]


def test_a_new_volume_is_formatted_and_gets_the_cluster_file(new_machine):
    m = new_machine
    m.imitate("blkid", "exit 2")
    status, _, err = m.run(INSTALL)
    assert status == 0, err
    assert commands(m).count("mkfs.ext4") == 1 and commands(m).index("mkfs.ext4") < commands(m).index("mount")
    expected = "name:0123456789abcdef@10.0.0.4:4500,10.0.1.4:4500,10.0.2.4:4500\n"
    assert (m.directory / "data/fdb.cluster").read_text() == expected
    assert (m.directory / "etc/foundationdb/fdb.cluster").read_text() == expected, "else the package makes a cluster of its own"
    assert (m.directory / "data/log").is_dir() and f"resize2fs {m.device}" in m.calls
    # Mounted and configured before the packages start anything.
    assert commands(m).index("mount") < commands(m).index("rpm")
    assert m.calls[-2:] == [
        "systemctl enable --now foundationdb.service renew-backup-credentials.timer foundationdb-status.timer",
        "systemctl enable --now --no-block configure-foundationdb.service back-up-foundationdb.timer",
    ]


def test_a_volume_that_was_used_keeps_its_data_and_its_coordinators(new_machine):
    m = new_machine
    m.imitate("blkid")
    changed = "name:fedcba9876543210@10.0.0.9:4500\n"
    m.write("data/fdb.cluster", changed)
    status, _, err = m.run(INSTALL)
    assert status == 0, err
    assert "mkfs.ext4" not in commands(m)
    assert commands(m).index("mount") < commands(m).index("resize2fs"), "the volume may have grown"
    assert (m.directory / "data/fdb.cluster").read_text() == changed
    assert (m.directory / "etc/foundationdb/fdb.cluster").read_text() == changed


@pytest.mark.parametrize(("content", "status"), [("unreadable", 2), (b"\0" * 4096 + b"something", 2), (bytes(1 << 20), 8)])
def test_a_volume_that_is_not_empty_for_sure_is_not_formatted(new_machine, content, status):
    """blkid returns 2 also if it cannot open or read the device; a directory stands for that."""
    m = new_machine
    m.imitate("blkid", f"exit {status}")
    m.device.unlink()
    m.device.mkdir() if content == "unreadable" else m.device.write_bytes(content)
    status, _, err = m.run(INSTALL)
    assert status == 1 and "not formatting" in err
    assert "mkfs.ext4" not in commands(m) and "rpm" not in commands(m)


def test_the_volume_is_waited_for(new_machine):
    m = new_machine
    m.imitate("blkid")
    m.device.unlink()
    m.imitate("sleep", f'touch "{m.device}"')
    status, _, err = m.run(INSTALL)
    assert status == 0, err
    assert commands(m)[0] == "sleep"


CONFIGURE = "/usr/local/sbin/configure-foundationdb"


def database(machine):
    """A machine with a data directory."""
    m = machine("foundationdb-double")
    (m.directory / "data").mkdir()
    m.env |= {"DATA_DIRECTORY": f"{m.directory}/data", "CONFIGURE_PAUSE_SECONDS": "0"}
    return m


@pytest.mark.parametrize(("aws", "status"), [("echo 1", 0), ("exit 254", 254), ("echo None", 1)])
def test_no_database_is_created_where_a_backup_is_or_may_be(machine, aws, status):
    m = database(machine)
    m.imitate("aws", aws)
    m.imitate("fdbcli", "echo Database created")
    returned, out, _ = m.run(CONFIGURE)
    assert returned == status and commands(m) == ["aws"]
    assert ("a backup of name exists" in out) == (status == 0)
    assert not (m.directory / "data/configured").exists()


@pytest.mark.parametrize("answer", ["Database created", "ERROR: Database already exists! To change configuration, don't say `new'"])
def test_the_database_is_created_once_the_coordinators_answer(machine, answer):
    m = database(machine)
    m.imitate("aws", "echo 0")
    m.imitate("fdbcli", f'if [[ $(grep -c fdbcli "{m.calls_file}") -lt 3 ]]; then echo "The database is unavailable"; exit 1; fi\n'
                        f"cat <<'END'\n{answer}\nEND\nexit 1")
    assert m.run(CONFIGURE)[0] == 0
    listed, *tries = m.calls
    assert "--bucket bucket --prefix backups/name/ " in listed and "--region eu-central-1 " in listed
    assert tries == [f"fdbcli -C {m.directory}/data/fdb.cluster --timeout 30 --exec configure new double ssd"] * 3
    assert m.run(CONFIGURE)[0] == 0
    assert len(m.calls) == 4, "a machine that takes over the volume does nothing"


def test_credentials_are_written_as_the_backup_reads_them(machine):
    m = machine("foundationdb-double")
    m.env["CREDENTIALS_FILE"] = f"{m.directory}/run/s3.json"
    given = {"AccessKeyId": "id", "SecretAccessKey": "secret", "Token": "token", "Expiration": "2026-11-23T18:00:00Z"}
    m.server.answers["/latest/meta-data/iam/security-credentials/"] = (200, "role")
    m.server.answers["/latest/meta-data/iam/security-credentials/role"] = (200, json.dumps(given))
    m.imitate("chgrp")
    status, _, err = m.run("/usr/local/sbin/renew-backup-credentials")
    assert status == 0, err
    written = m.directory / "run/s3.json"
    account = {"api_key": "id", "secret": "secret", "token": "token"}
    assert json.loads(written.read_text()) == {"accounts": {"@bucket.s3.eu-central-1.amazonaws.com": account}}
    assert oct(written.stat().st_mode & 0o777) == "0o640"


BACK_UP = "/usr/local/sbin/back-up-foundationdb"
URL = "blobstore://@bucket.s3.eu-central-1.amazonaws.com/name/{}?bucket=bucket&region=eu-central-1"


@pytest.fixture
def configured(machine):
    m = database(machine)
    m.write("data/configured", "")
    return m


def test_a_database_that_is_not_configured_is_not_backed_up(machine):
    m = database(machine)
    m.imitate("fdbbackup")
    assert m.run(BACK_UP)[0] == 0 and m.calls == []


def test_each_database_has_a_backup_of_its_own(configured):
    m = configured
    m.imitate("fdbbackup")
    ids = []
    for _ in range(2):
        assert m.run(BACK_UP)[0] == m.run(BACK_UP)[0] == 0
        ids.append((m.directory / "data/backup-id").read_text().strip())
        (m.directory / "data/backup-id").unlink()
    assert [call.split(" -d ")[1].split()[0] for call in m.calls] == [URL.format(ids[0])] * 4 + [URL.format(ids[1])] * 4
    assert ids[0] != ids[1] and all(re.fullmatch(r"\d{8}-[0-9a-f]{16}", name) for name in ids)


def test_the_backup_is_started_and_what_is_old_is_removed(configured):
    m = configured
    m.imitate("fdbbackup", "echo The backup on tag was successfully submitted.")
    status, _, err = m.run(BACK_UP)
    assert status == 0, err
    start, expire = m.calls
    cluster, url = f"{m.directory}/data/fdb.cluster", URL.format((m.directory / "data/backup-id").read_text().strip())
    assert start == f"fdbbackup start -C {cluster} -z -s 86400 -d {url}"
    expected = f"fdbbackup expire -C {cluster} -d {url} --expire-before-timestamp (\\S+) --restorable-after-timestamp (\\S+)"
    found = re.fullmatch(expected.replace("?", r"\?"), expire)
    before, after = (datetime.datetime.strptime(text, "%Y/%m/%d.%H:%M:%S%z") for text in found.groups())
    apart = (after - before).total_seconds()
    assert abs(apart - 2 * 86400) < 60, "a snapshot from before the oldest moment is kept, else nothing may ever be removed"
    age = (datetime.datetime.now(datetime.UTC) - after).total_seconds()
    assert abs(age - 7 * 86400) < 60


def test_a_backup_that_runs_is_left_alone(configured):
    m = configured
    m.imitate("fdbbackup", 'echo "ERROR: A backup is already running on tag default"; exit 1')
    assert m.run(BACK_UP)[0] == 0


def test_a_backup_that_cannot_start_is_an_error(configured):
    m = configured
    m.imitate("fdbbackup", 'echo "ERROR: Cannot find authentication details"; exit 1')
    status, _, err = m.run(BACK_UP)
    assert status == 1 and "authentication" in err


STATUS = "/usr/local/sbin/foundationdb-status"


def report(available=True, healthy=True, tolerated=1, backup=True):
    tags = {"default": {"running_backup_is_restorable": True, "last_restorable_seconds_behind": 12.5}} if backup else {}
    return {
        "client": {"database_status": {"available": available}},
        "cluster": {
            "data": {"state": {"healthy": healthy}, "least_operating_space_bytes_storage_server": 5000},
            "fault_tolerance": {"max_zone_failures_without_losing_availability": tolerated},
            "layers": {"backup": {"tags": tags}},
        },
    }


@pytest.mark.parametrize(("processes", "reachable", "status"), [(2, True, 0), (1, True, 1), (2, False, 1)])
def test_a_machine_that_was_replaced_must_have_joined(machine, processes, reachable, status):
    m = machine("foundationdb-double")
    given = report()
    given["cluster"]["processes"] = {str(number): {"locality": {"machineid": "z-0"}} for number in range(processes)}
    given["cluster"]["processes"]["other"] = {"locality": {"machineid": "z-1"}}
    given["client"]["coordinators"] = {"coordinators": [{"reachable": True}, {"reachable": reachable}]}
    m.write("status.json", json.dumps(given))
    m.imitate("fdbcli", f'cat "{m.directory}/status.json"')
    command = f'exec python3 "{m.directory}/status" --machine z-0 --processes 2'
    m.files = m.files | {"joined": {"content": f"#!/bin/sh\n{command}\n"}}
    m.write("status", m.files[STATUS]["content"])
    assert m.run("joined")[0] == status
    assert m.run(STATUS)[0] == 0, "the cluster itself could lose a machine"


@pytest.mark.parametrize(("given", "status"), [
    (report(), 0),
    (report(healthy=False), 1),
    (report(tolerated=0), 1),
    (report(available=False), 1),
    (None, 1),
])
def test_a_machine_may_be_replaced_only_while_foundationdb_is_healthy(machine, given, status):
    m = machine("foundationdb-double")
    m.write("status.json", "The database is unavailable" if given is None else "WARNING: a line before it\n" + json.dumps(given))
    m.imitate("fdbcli", f'cat "{m.directory}/status.json"')
    assert m.run(STATUS)[0] == status


def test_the_state_is_published_with_the_cluster_as_dimension(machine):
    m = machine("foundationdb-double")
    m.write("status.json", json.dumps(report()))
    m.imitate("fdbcli", f'cat "{m.directory}/status.json"')
    m.imitate("aws")
    m.files = m.files | {"publish": {"content": f'#!/bin/sh\nexec python3 "{m.directory}/foundationdb-status" --publish\n'}}
    m.write("foundationdb-status", m.files[STATUS]["content"])
    status, _, err = m.run("publish")
    assert status == 0, err
    [sent] = [call for call in m.calls if call.startswith("aws ")]
    assert sent.startswith("aws cloudwatch put-metric-data --region eu-central-1 --namespace Alluvium --metric-data ")
    data = {entry["MetricName"]: entry for entry in json.loads(sent.split("--metric-data ")[1])}
    assert {name: entry["Value"] for name, entry in data.items()} == {
        "FoundationDBAvailable": 1, "FoundationDBHealthy": 1, "FoundationDBZoneFailuresTolerated": 1,
        "FoundationDBOperatingSpaceBytes": 5000, "FoundationDBBackupSecondsBehind": 12.5,
    }
    assert all(entry["Dimensions"] == [{"Name": "cluster", "Value": "name"}] for entry in data.values())
