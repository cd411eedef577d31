"""What a rolling replacement of FoundationDB's machines relies on, and the script that does it."""

import os
import pathlib
import re
import subprocess

import configuration
import pytest

INSTANCE = """
variable "boot" { type = string }
resource "terraform_data" "machine" {
  for_each = toset(["a", "b"])
  input    = var.boot
  lifecycle { ignore_changes = [input] }
}
output "boots" { value = join(" ", [for name, machine in terraform_data.machine : "${name}=${machine.output}"]) }
"""


@pytest.mark.skipif("ALLUVIUM_TOFU" not in os.environ, reason="no OpenTofu: there is no Go to build it with")
def test_only_a_machine_that_is_replaced_takes_new_values(tmp_path):
    """ignore_changes holds for an update, and not for what -replace creates."""
    (tmp_path / "main.tf").write_text(INSTANCE)
    tofu = [os.environ["ALLUVIUM_TOFU"], f"-chdir={tmp_path}"]
    env = {name: value for name, value in os.environ.items() if name != "TF_DATA_DIR"}

    def run(*arguments):
        done = subprocess.run([*tofu, *arguments], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    run("init", "-input=false")
    run("apply", "-auto-approve", "-var=boot=1")
    run("apply", "-auto-approve", "-var=boot=2")
    assert run("output", "-raw", "boots") == "a=1 b=1"
    run("apply", "-auto-approve", "-var=boot=2", '-replace=terraform_data.machine["a"]')
    assert run("output", "-raw", "boots") == "a=2 b=1"


TOFU = """case $* in
    *"output -raw region"*) echo eu-central-1 ;;
    *"output -raw processes_per_machine"*) echo 3 ;;
    *output*) echo '{"z-0":"i-0","z-1":"i-1","z-2":"i-2"}' ;;
esac"""
# The status of a command that was sent: the first word of the file `states`, which it then removes, or Success.
AWS = """case $* in
    *send-command*) echo command ;;
    *get-command-invocation*)
        if [[ -s {states} ]]; then head -n 1 {states}; sed -i 1d {states}; else echo Success; fi ;;
esac"""


@pytest.fixture
def roll(tmp_path):
    (tmp_path / "bin").mkdir()
    states = tmp_path / "states"
    states.touch()
    for name, script in (("tofu", TOFU), ("aws", AWS.format(states=states)), ("sleep", "")):
        file = tmp_path / "bin" / name
        file.write_text(f'#!/usr/bin/env bash\necho "{name} $*" "${{AWS_REGION:-}}" >>"{tmp_path}/calls"\n{script}\n')
        file.chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}

    def run(*answers, machines=(), **variables):
        states.write_text("".join(answer + "\n" for answer in answers))
        command = [configuration.TERRAFORM / "roll-foundationdb", "environments/prod", *machines]
        done = subprocess.run(command, env=env | variables, capture_output=True, text=True, check=False, timeout=60)
        calls = pathlib.Path(tmp_path / "calls").read_text().splitlines()
        return done, [call for call in calls if not call.startswith("sleep")]

    return run


def replaced(calls):
    return [call.split('machine["')[1].split('"')[0] for call in calls if "-replace" in call]


def test_machines_are_replaced_one_after_another(roll):
    done, calls = roll()
    assert done.returncode == 0, done.stderr
    assert replaced(calls) == ["z-0", "z-1", "z-2"]
    applies = [number for number, call in enumerate(calls) if "-replace" in call]
    for before, after in zip(applies, applies[1:]):
        between = calls[before + 1:after]
        assert any("get-command-invocation" in call for call in between), "it asked for the state in between"


def test_nothing_is_replaced_while_foundationdb_is_not_healthy(roll):
    done, calls = roll(*["Failed"] * 1000)
    assert done.returncode == 1 and replaced(calls) == []


def test_a_machine_that_does_not_come_back_ends_it(roll):
    done, calls = roll("Success", *["Failed"] * 1000)
    assert done.returncode == 1 and replaced(calls) == ["z-0"]
    assert "z-0" in done.stderr


def test_a_machine_that_was_replaced_is_asked_for_by_name(roll):
    _, calls = roll(machines=["z-1"])
    before, after = [call for call in calls if "send-command" in call]
    assert "--machine" not in before and "foundationdb-status --machine z-1 --processes 3" in after


def test_a_machine_that_failed_is_stopped_and_replaced_without_a_wait(roll):
    done, calls = roll(machines=["z-1"], FAILED="1")
    assert done.returncode == 0, done.stderr
    steps = " stop-instances --force .*i-1|instance-stopped|-replace"
    stop, wait, apply = [number for number, call in enumerate(calls) if re.search(steps, call)]
    assert stop < wait < apply and not any("send-command" in call for call in calls[:apply])
    assert roll(FAILED="1")[0].returncode == 2, "all machines have not failed"


def test_commands_go_to_the_region_of_the_environment(roll):
    _, calls = roll()
    assert all(call.endswith(" eu-central-1") for call in calls if call.startswith("aws"))


def test_the_script_runs_with_an_old_bash():
    """3.2 of macOS; an empty array is unset there."""
    text = (configuration.TERRAFORM / "roll-foundationdb").read_text()
    code = re.sub(r"(?m)^\s*#.*$", "", text)
    assert not re.findall(r"\b(?:mapfile|readarray|declare -A)\b|=\(|\[@\]|\$\{\w+(?:,,|\^\^)", code)


def test_one_machine_can_be_named(roll):
    done, calls = roll(machines=["z-1"])
    assert done.returncode == 0 and replaced(calls) == ["z-1"]


def test_a_machine_that_does_not_exist_is_refused(roll):
    done, calls = roll(machines=["z-9"])
    assert done.returncode == 2 and replaced(calls) == []


def test_another_machine_than_the_replaced_one_is_asked(roll):
    _, calls = roll(machines=["z-0"])
    asked = [call for call in calls if "send-command" in call]
    assert asked and all("i-0" not in call for call in asked)
