"""Network namespaces: each agent in one of its own, joined by a bridge, from which it can be cut off.

Everything happens inside namespaces that the script makes for itself (network, mounts, processes): they end with it, however
it ends, and the machine's own network is never touched. Without the rights for that all processes listen on loopback, and
cuts are skipped.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

INSIDE = "ALLUVIUM_TEST_CHAOS_INSIDE"
NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
BRIDGE = "chaos"
SUBNET = "10.88.0"


@dataclass
class Place:
    """Where a process runs: its address, and what its command line begins with."""

    address: str
    prefix: list[str] = field(default_factory=list)
    name: str = ""


def ip(*arguments: str):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def enter() -> bool:
    """Starts the script again inside namespaces of its own. Returns whether it runs inside them."""
    if os.environ.get(INSIDE):
        return True
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("unshare"):
        return False
    if subprocess.run([*NAMESPACES, "true"], capture_output=True).returncode != 0:
        return False
    os.execvpe("unshare", [*NAMESPACES, sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})


class Network:
    """A bridge, and namespaces connected to it. Clients and stores are on the bridge itself, each with its own address."""

    def __init__(self, is_private: bool):
        self.is_private = is_private
        self.hosts = 0
        if not is_private:
            return
        ip("link", "set", "lo", "up")
        # A MAC address of its own: otherwise it takes that of a port and changes it with the ports, which cuts off all.
        ip("link", "add", BRIDGE, "address", "02:00:0a:58:00:01", "type", "bridge")
        ip("link", "set", BRIDGE, "up")
        # Names of namespaces are files here; on a file system of our own they disappear with the script.
        os.makedirs("/run/netns", exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/netns"], check=True)

    def hub(self) -> Place:
        """A place at the bridge that is never cut off."""
        return Place(self._address(at_bridge=True))

    def spoke(self, name: str) -> Place:
        """A place in a namespace of its own."""
        address = self._address(at_bridge=False)
        if not self.is_private:
            return Place(address)
        ip("netns", "add", name)
        ip("link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", f"v-{name}", "master", BRIDGE, "up")
        ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        return Place(address, ["ip", "netns", "exec", name], name)

    def cut(self, place: Place):
        """Drops all packets to and from `place`, without any error to the senders."""
        ip("link", "set", f"v-{place.name}", "nomaster")

    def heal(self, place: Place):
        ip("link", "set", f"v-{place.name}", "master", BRIDGE)

    def cut_from(self, place: Place, other: Place):
        """Drops packets from `place` to `other`; all other places are reachable."""
        ip("-n", place.name, "route", "add", "blackhole", f"{other.address}/32")

    def heal_from(self, place: Place, other: Place):
        ip("-n", place.name, "route", "del", "blackhole", f"{other.address}/32")

    def _address(self, at_bridge: bool) -> str:
        if not self.is_private:
            return "127.0.0.1"
        self.hosts += 1
        address = f"{SUBNET}.{self.hosts}"
        if at_bridge:
            ip("addr", "add", f"{address}/24", "dev", BRIDGE)
        return address
