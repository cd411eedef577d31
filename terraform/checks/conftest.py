"""What instances get at boot, rendered by OpenTofu, and a small imitation of the services that their scripts ask."""

import http.server
import json
import os
import pathlib
import subprocess
import threading

import configuration
import pytest
import yaml

RENDER = configuration.TERRAFORM / "checks/render"


def options():
    """Options that environments and examples set, by name."""
    found = {}
    for folder in configuration.folders():
        for call in folder.calls.values():
            given = [call.get("options")] + [value.get("options") for value in call.values() if isinstance(value, dict)]
            for values in given:
                if isinstance(values, dict):
                    found |= {name: configuration.plain(value) for name, value in values.items() if not name.startswith("__")}
    return found


def tofu(*arguments):
    command = [os.environ["ALLUVIUM_TOFU"], f"-chdir={RENDER}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """The outputs of checks/render."""
    if "ALLUVIUM_TOFU" not in os.environ:
        pytest.skip("no OpenTofu: there is no Go to build it with")
    state = tmp_path_factory.mktemp("tofu") / "state"
    os.environ["TF_DATA_DIR"] = str(state.parent / "data")
    tofu("init", "-input=false", "-no-color")
    tofu("apply", "-auto-approve", "-input=false", "-no-color", f"-state={state}", f"-var=options={json.dumps(options())}")
    outputs = json.loads(tofu("output", "-json", f"-state={state}"))
    return {name: output["value"] for name, output in outputs.items()}


@pytest.fixture(scope="session")
def instances(rendered):
    """Files by path, for each kind of instance."""
    return {kind: {file["path"]: file for file in yaml.safe_load(text)["write_files"]} for kind, text in rendered["user_data"].items()}


class Services(http.server.BaseHTTPRequestHandler):
    """The metadata service, version 2 only, and the HTTP listener of an agent."""

    def answer(self, status, text=""):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        wanted = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self.answer(200 if wanted else 400, "token")

    def do_GET(self):
        status, text = self.server.answers.get(self.path, (404, ""))
        if self.path.startswith("/latest/") and self.headers["X-aws-ec2-metadata-token"] != "token":
            status = 401
        self.answer(status, text)

    def log_message(self, *_):
        pass


class Machine:
    """A directory that stands for an instance: its environment, imitated commands, and what they were called with."""

    def __init__(self, directory, server, files):
        self.directory, self.server, self.files = directory, server, files
        self.calls_file = directory / "calls"
        self.calls_file.touch()
        (directory / "bin").mkdir()
        self.env = os.environ | {
            "PATH": f"{directory}/bin:{os.environ['PATH']}",
            "INSTANCE_METADATA_URL": f"http://127.0.0.1:{server.server_port}",
            "INSTANCE_LIBRARY": str(self.write("instance.sh", files["/usr/local/lib/alluvium/instance.sh"]["content"])),
            "BOOT_ENV": str(self.write("boot.env", self.boot_env())),
            "FETCH_PAUSE_SECONDS": "0",
        }

    def boot_env(self):
        text = self.files["/etc/alluvium/boot.env"]["content"]
        return text.replace("HTTP_PORT='8080'", f"HTTP_PORT='{self.server.server_port}'")

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def imitate(self, command, script=""):
        """A command that notes its arguments and then does what `script` says."""
        file = self.write(f"bin/{command}", f'#!/usr/bin/env bash\necho "{command} $*" >>"{self.calls_file}"\n{script}\n')
        file.chmod(0o755)

    def answers(self, **paths):
        """Sets answers of metadata, by path with __ for a slash and _ for a hyphen."""
        for name, text in paths.items():
            self.server.answers["/latest/meta-data/" + name.replace("__", "/").replace("_", "-")] = (200, text)

    def start(self, path):
        script = self.write(pathlib.Path(path).name, self.files[path]["content"])
        script.chmod(0o755)
        return subprocess.Popen([script], env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, path):
        process = self.start(path)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    @property
    def calls(self):
        return self.calls_file.read_text().splitlines()


@pytest.fixture
def machine(tmp_path, instances):
    """Makes an imitated machine of a kind."""
    servers = []

    def make(kind):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Services)
        server.answers = {}
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return Machine(tmp_path, server, instances[kind])

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()
