"""Stalls of the S3 server and of the machine, so that they are not mistaken for stalls of Alluvium."""

import threading
import time

from botocore.exceptions import BotoCoreError, ClientError
from cluster import Bucket

PROBE_SECONDS = 0.5
# Shorter pauses are not reported.
GAP_SECONDS = 1.5


class StoreProbe(threading.Thread):
    """Writes a small object twice a second, and measures how late its timer fires."""

    def __init__(self, bucket: Bucket):
        super().__init__(name="store-probe", daemon=True)
        self.bucket = bucket
        self.puts: list[float] = []
        self.late: list[tuple[float, float]] = []

    def run(self):
        client = self.bucket.client()
        while True:
            slept = time.time()
            time.sleep(PROBE_SECONDS)
            self.late.append((time.time(), time.time() - slept - PROBE_SECONDS))
            try:
                client.put_object(Bucket=Bucket.BUCKET, Key="probe", Body=b"probe")
                self.puts.append(time.time())
            except (BotoCoreError, ClientError):
                pass

    def remark(self, since: float) -> str:
        """Stalls after `since` that Alluvium did not cause, as text."""
        now = time.time()
        times = [since, *(put for put in list(self.puts) if put > since), now]
        gap = max(after - before for before, after in zip(times, times[1:]))
        late = max((by for at, by in list(self.late) if at > since), default=0)
        remarks = [f"no PUT to S3 succeeded for {gap:.1f} s"] if gap > GAP_SECONDS else []
        return ", ".join(remarks + ([f"the machine stalled for {late:.1f} s"] if late > GAP_SECONDS else []))
