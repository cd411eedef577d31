"""Faults on real processes: FoundationDB, an S3 server, three agents in two zones and two compactors are killed, paused,
restarted and cut off in turn under the load of Kafka clients; then every acknowledged record must be there. Agents are killed
while a transaction is produced and not ended: committed ones must be whole, aborted ones invisible, copies exactly once.

    tests/chaos/run --minutes 10        # the usual run
    tests/chaos/run --smoke             # about two minutes in all
    tests/chaos/run --kills 9           # only kills of agents, and how soon everything went on: medians and maxima

It prints its seed: the same seed gives the same faults in the same order, but not at the same moments of the processes.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import network
from check import DRAIN_SECONDS, check_objects, check_owners, check_records, check_transactions, drain, read_all
from cluster import BINARY, Cluster
from confluent_kafka.admin import AdminClient, NewTopic
from faults import Faults, run_fault
from load import CONNECTIONS, PARTITIONS, Load
from store_probe import StoreProbe
from transactions import Transactions
from report import HEADER, line, recoveries, row, table, totals, violations_of

TOPIC = "chaos"
# After this many faults a member of the group leaves and another joins, during the next fault.
CHURN_FAULTS = 2


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/chaos/run", description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="how long there are faults (10)")
    parser.add_argument("--smoke", action="store_true", help="only one fault of each kind that matters most")
    parser.add_argument("--kills", type=int, default=0, help="only this many kills of agents; measures recovery")
    parser.add_argument("--seed", type=int, default=None, help="which faults, in which order (random)")
    parser.add_argument("--rate", type=float, default=400, help="records per second (400)")
    parser.add_argument("--keep", action="store_true", help="keep the logs of a good run too")
    return parser.parse_args()


def say(text: str):
    print(text, flush=True)


def run(options: argparse.Namespace, cluster: Cluster, seed: int) -> int:
    cluster.start()
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap, **CONNECTIONS})
    for created in admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1), *Transactions.topics()]).values():
        created.result(30)
    load = Load(cluster.bootstrap, TOPIC, ["a", "b"], options.rate)
    transactions = Transactions(cluster.bootstrap)
    probe = StoreProbe(cluster.bucket)
    probe.start()
    time.sleep(3)
    say(line(HEADER))
    began, outcomes = time.time(), []
    faults = Faults(cluster, random.Random(seed), transactions.moment.wait)
    is_counted = options.smoke or options.kills > 0
    if options.kills:
        planned = faults.kills(options.kills)
    else:
        planned = iter(faults.smoke()) if options.smoke else iter(faults.next, None)
    for fault in planned:
        if not is_counted and time.time() - began > options.minutes * 60:
            break
        outcomes.append(run_fault(fault, load, cluster, probe, began))
        if len(outcomes) % CHURN_FAULTS == 1 and len(outcomes) > 1:
            outcomes[-1].had_leave = True
            outcomes[-1].remark = f"{outcomes[-1].remark} (a member had just left the group)".strip()
        say(row(outcomes[-1]))
        if len(outcomes) % CHURN_FAULTS == 0:
            load.group.churn()
    minutes = (time.time() - began) / 60
    bad, left = final_check(cluster, load, transactions, len(outcomes))
    bad += violations_of(outcomes)
    generations = len({event.generation for event in load.group.events})
    (cluster.directory / "group.log").write_text("".join(f"{event}\n" for event in load.group.events))
    say(table(outcomes))
    say(recoveries(outcomes))
    say(f"left in the bucket: {left}")
    say(transactions.summary())
    for violation in bad:
        say(f"VIOLATION {violation}")
    say(totals(outcomes, minutes, load.acknowledged(), generations, len(bad), seed))
    return 1 if bad else 0


def final_check(cluster: Cluster, load: Load, transactions: Transactions, faults: int) -> tuple[list[str], str]:
    """After all faults: drains the load, reads everything from both zones, and checks what is left in the bucket."""
    cluster.wait_until_ready()
    healed = time.time()
    # Some load without faults: it must leave no orphans behind.
    time.sleep(5)
    bad = drain(load) + transactions.drain(DRAIN_SECONDS)
    contents = [read_all(cluster.bootstrap, zone, TOPIC) for zone in ("a", "b")]
    bad += check_records(load, contents[0])
    if contents[0] != contents[1]:
        bad.append("the agents of zone b do not answer what those of zone a do")
    bad += check_owners(load.group.events)
    for zone in ("a", "b"):
        bad += check_transactions(transactions, zone)
    unwell, left = check_objects(cluster, healed, faults)
    if (again := read_all(cluster.bootstrap, "a", TOPIC)) != contents[0]:
        bad.append(f"after compaction {sum(map(len, again))} records are read, and not the same")
    bad += [f"after compaction: {violation}" for violation in check_transactions(transactions, "a")]
    return bad + unwell + cluster.stop(), left


def main() -> int:
    options = arguments()
    if not os.environ.get("FDB_HOME"):
        say("chaos: skipped: FDB_HOME names no installation of FoundationDB (bin/fdbserver, bin/fdbcli, lib/libfdb_c.so)")
        return 0
    if not BINARY.exists():
        say(f"chaos: no {BINARY}; build it first: cargo build --release")
        return 2
    is_private = network.enter()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    say(f"chaos: seed {seed}")
    if not is_private:
        say("chaos: cuts are skipped: they need root, and namespaces of our own")
    directory = Path(tempfile.mkdtemp(prefix="alluvium-chaos-"))
    cluster, code = None, 1
    try:
        cluster = Cluster(directory, network.Network(is_private))
        code = run(options, cluster, seed)
    finally:
        for server in cluster.servers if cluster else []:
            server.kill()
        if code == 0 and not options.keep:
            shutil.rmtree(directory)
        else:
            say(f"chaos: logs are in {directory}; again with --seed {seed}")
    return code


if __name__ == "__main__":
    sys.exit(main())
