"""The faults: which process they hit, how long they last, and how soon everything works again."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cluster import Agent, Cluster, Server
from load import Load
from store_probe import StoreProbe

# Seconds within which everything must work again at the latest; beyond, the run has failed.
SETTLE_SECONDS = 90
# Seconds within which a killed agent's clients should be served elsewhere.
TARGET_SECONDS = 5.0
QUIET_SECONDS = 3.0


@dataclass
class Fault:
    name: str
    target: Server
    inject: Callable[[], None]
    heal: Callable[[], None]
    hold_seconds: float
    # Nothing works without the target: recovery is measured from its return.
    is_needed: bool = False
    # Waits for the moment to inject it.
    aim: Callable[[], None] = lambda: None


@dataclass
class Outcome:
    """The result of one fault. Times in seconds; None if something did not recover in time. `note`: what went wrong; `remark`:
    what else happened meanwhile."""

    fault: Fault
    at: float
    first: float | None
    produced: float | None
    consumed: float | None
    note: str = ""
    remark: str = ""
    # A member had left the group just before.
    had_leave: bool = False

    @property
    def is_kill_of_agent(self) -> bool:
        return self.fault.name == "kill" and isinstance(self.fault.target, Agent)


class Faults:
    """All kinds of faults, in rounds of random order: each round has each kind once."""

    def __init__(self, cluster: Cluster, rng: random.Random, aim: Callable[[], None]):
        """`aim` waits until a transaction is produced and not ended: kills of agents are aimed at that moment."""
        self.cluster, self.rng, self.aim = cluster, rng, aim
        self.round: list[Callable[[], Fault]] = []

    def next(self) -> Fault:
        if not self.round:
            self.round = self.kinds()
            self.rng.shuffle(self.round)
        return self.round.pop()()

    def kinds(self) -> list[Callable[[], Fault]]:
        """One constructor per kind of fault and target; most are for agents."""
        agents, compactors = self.cluster.agents, self.cluster.compactors
        of_agents = [self.kill, self.kill, self.pause, self.restart]
        if self.cluster.network.is_private:
            of_agents += [self.cut, self.cut_from_metastore, self.cut_from_bucket]
        kinds = [lambda kind=kind: kind(self.rng.choice(agents)) for kind in of_agents]
        kinds += [lambda kind=kind: kind(self.rng.choice(compactors)) for kind in (self.kill, self.pause)]
        kinds += [lambda kind=kind, store=store: kind(store, True)
                  for store in (self.cluster.fdb, self.cluster.bucket) for kind in (self.kill, self.pause)]
        return kinds

    def smoke(self) -> list[Fault]:
        """One kill of each kind of process, and one cut."""
        cluster = self.cluster
        faults = [self.kill(cluster.agents[0]), self.kill(cluster.compactors[0]), self.kill(cluster.fdb, True)]
        return faults + ([self.cut(cluster.agents[2])] if cluster.network.is_private else [])

    def kills(self, count: int) -> Iterator[Fault]:
        """Kills of agents only, each when the one before has been restarted."""
        return (self.kill(self.rng.choice(self.cluster.agents)) for _ in range(count))

    def kill(self, server: Server, is_needed: bool = False) -> Fault:
        hold = self.rng.uniform(1, 5) if is_needed else self.rng.uniform(7, 12)
        aim = self.aim if isinstance(server, Agent) else lambda: None
        return Fault("kill", server, server.kill, server.start, hold, is_needed, aim)

    def pause(self, server: Server, is_needed: bool = False) -> Fault:
        return Fault("pause", server, server.pause, server.resume, self.rng.uniform(2, 9), is_needed)

    def restart(self, server: Server) -> Fault:
        def stop():
            code = server.stop()
            if code != 0:
                raise RuntimeError(f"{server.name} ended with {code} when told to stop")

        return Fault("restart", server, stop, server.start, self.rng.uniform(0, 2))

    def cut(self, agent: Agent) -> Fault:
        network, place = self.cluster.network, agent.place
        hold = self.rng.uniform(5, 12)
        return Fault("cut off", agent, lambda: network.cut(place), lambda: network.heal(place), hold)

    def cut_from_metastore(self, agent: Agent) -> Fault:
        return self.cut_from("cut from FoundationDB", agent, self.cluster.fdb)

    def cut_from_bucket(self, agent: Agent) -> Fault:
        return self.cut_from("cut from S3", agent, self.cluster.bucket)

    def cut_from(self, name: str, agent: Agent, store: Server) -> Fault:
        network, here, there = self.cluster.network, agent.place, store.place
        heal = lambda: network.heal_from(here, there)
        return Fault(name, agent, lambda: network.cut_from(here, there), heal, self.rng.uniform(5, 12))


def run_fault(fault: Fault, load: Load, cluster: Cluster, probe: StoreProbe, began: float) -> Outcome:
    """Injects a fault, ends it, waits until everything works again, and measures how long that took."""
    fault.aim()
    injected = time.time()
    notes = [attempt(fault.inject)]
    time.sleep(fault.hold_seconds)
    healed = time.time()
    notes.append(attempt(fault.heal))
    since = healed if fault.is_needed else injected
    deadline = time.time() + SETTLE_SECONDS
    while time.time() < deadline:
        produced = load.acked.first_after(since, load.produced_streams)
        consumed = load.group.timeline.first_after(since, load.consumed_streams)
        if None not in produced.values() and None not in consumed.values():
            break
        time.sleep(0.1)
    remark = probe.remark(since)
    notes.append(attempt(cluster.wait_until_ready))
    time.sleep(QUIET_SECONDS)
    after = lambda times, pick: None if None in times or not times else pick(times) - since
    first = after([now for now in produced.values() if now is not None], min)
    slowest = after(list(produced.values()), max), after(list(consumed.values()), max)
    return Outcome(fault, injected - began, first, *slowest, "; ".join(note for note in notes if note), remark)


def attempt(action: Callable[[], None]) -> str:
    """Runs `action`. Returns its error as text, or nothing."""
    try:
        action()
        return ""
    except (RuntimeError, TimeoutError) as error:
        return str(error)
