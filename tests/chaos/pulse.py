"""How the S3 server and the machine themselves are: so that their pauses are not taken for ours."""

import threading
import time

from botocore.exceptions import BotoCoreError, ClientError
from cluster import Bucket

BEAT_SECONDS = 0.5
# Pauses shorter than this are not worth a word.
GAP_SECONDS = 1.5


class Pulse(threading.Thread):
    """Writes a small object twice a second, and looks at how late it wakes up."""

    def __init__(self, bucket: Bucket):
        super().__init__(name="pulse", daemon=True)
        self.bucket = bucket
        self.puts: list[float] = []
        self.late: list[tuple[float, float]] = []

    def run(self):
        client = self.bucket.client()
        while True:
            slept = time.time()
            time.sleep(BEAT_SECONDS)
            self.late.append((time.time(), time.time() - slept - BEAT_SECONDS))
            try:
                client.put_object(Bucket=Bucket.BUCKET, Key="pulse", Body=b"pulse")
                self.puts.append(time.time())
            except (BotoCoreError, ClientError):
                pass

    def remark(self, since: float) -> str:
        """What was unusual since then that is not our doing."""
        now = time.time()
        times = [since, *(put for put in list(self.puts) if put > since), now]
        gap = max(after - before for before, after in zip(times, times[1:]))
        late = max((by for at, by in list(self.late) if at > since), default=0)
        remarks = [f"no PUT to S3 succeeded for {gap:.1f} s"] if gap > GAP_SECONDS else []
        return ", ".join(remarks + ([f"the machine stalled for {late:.1f} s"] if late > GAP_SECONDS else []))
