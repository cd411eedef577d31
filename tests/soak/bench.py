"""`alluvium bench` as a process: producers at a rate or at full speed, consumers at the tail that check every record."""

import json
import subprocess
import threading
import time
from pathlib import Path

from targets import BINARY

# Time for bench to read what it wrote, after its load.
END_SECONDS = 90
REPORT_EVERY = "2s"


class Bench(threading.Thread):
    """One load. Its intervals come in while it runs, its report at the end."""

    def __init__(self, log: Path, produce_to: str, consume_from: str, topic: str, seconds: float, *load: str):
        super().__init__(name=f"bench-{topic}", daemon=True)
        self.topic = topic
        command = [BINARY, "bench", "--bootstrap", produce_to, "--produce-to", produce_to, "--consume-from", consume_from,
                   "--topic", topic, "--duration", f"{seconds:.0f}s", "--every", REPORT_EVERY, "--json", *load]
        self.log = log
        with log.open("wb") as errors:
            self.child = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=errors, text=True)
        self.intervals: list[dict] = []
        self.report: dict | None = None
        # When records were last read, and acknowledged.
        self.last_read = self.last_acknowledged = time.monotonic()
        self.start()

    def run(self):
        for line in self.child.stdout:
            answer = json.loads(line)
            if "until" in answer:
                self.intervals.append(answer)
                now = time.monotonic()
                self.last_read = now if answer["read"] else self.last_read
                self.last_acknowledged = now if answer["records"] else self.last_acknowledged
            else:
                self.report = answer

    @property
    def is_running(self) -> bool:
        return self.child.poll() is None

    def produced_bytes(self) -> int:
        return sum(interval["bytes"] for interval in list(self.intervals))

    def finish(self) -> str:
        """Waits for the end. Returns what was wrong; empty if every record came back once and in order."""
        try:
            code = self.child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"the load on {self.topic} did not end within {END_SECONDS} s after its time"
        self.join(END_SECONDS)
        if code != 0:
            lines = self.log.read_text(errors="replace").strip().splitlines()
            return f"the load on {self.topic} failed: {' / '.join(lines[-3:])}"
        return ""

    def kill(self):
        if self.is_running:
            self.child.kill()
            self.child.wait()
