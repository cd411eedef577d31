//! Notices that this process stood still: it was stopped, its machine was paused, or no thread of it got a processor.
//!
//! A client that gets no answer repeats its request, perhaps at another agent, and goes on. What the process finds in its
//! sockets when it wakes up may be such requests, and some must not be done any more: by the rules of version 1 a late
//! end of a transaction would end the next one of the same producer. So the connections from before the pause are
//! closed. (A coordinator of Kafka that wakes up is fenced by its epoch; here any agent serves any producer.)
//!
//! Owns: what counts as a pause. Does not own: the connections.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use alluvium_runtime::Clock;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// A process that stands still for less is only slow: clients wait for 30 s or more.
pub const PAUSE_MIN: Duration = Duration::from_secs(10);
/// Between two signs of life.
const TICK: Duration = Duration::from_secs(1);
/// After a pause, connections are accepted for a while that clients opened, and perhaps gave up, during it.
const ACCEPT_WINDOW: Duration = Duration::from_secs(1);

/// Watches for pauses of this process. Clones share what it has found.
#[derive(Clone)]
pub struct PauseWatch {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    pauses: Counter,
}

struct Shared {
    origin: Instant,
    /// The last sign of life, ms after `origin`.
    last_ms: AtomicU64,
    /// The same by the wall clock, ms since the Unix epoch: the other one may stop with the machine.
    last_wall_ms: AtomicI64,
    /// Until when connections are taken to be from before the last pause, ms after `origin`; 0 if there was none.
    suspect_until_ms: AtomicU64,
    /// Wakes those that wait for a pause.
    resumed: watch::Sender<()>,
}

/// When something began, to be asked later whether there was a pause since.
#[derive(Clone, Copy, Debug)]
pub struct Began {
    ms: u64,
}

impl PauseWatch {
    /// A watch that begins now and counts `pauses`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, pauses: Counter) -> Self {
        let shared = Shared {
            origin: Instant::now(),
            last_ms: AtomicU64::new(0),
            last_wall_ms: AtomicI64::new(clock.now().0),
            suspect_until_ms: AtomicU64::new(0),
            resumed: watch::Sender::new(()),
        };
        Self { shared: Arc::new(shared), clock, pauses }
    }

    /// Notes that the process runs, each second until `cancel`. To be run once, in the background.
    pub async fn run(self, cancel: CancellationToken) {
        let tick = async {
            loop {
                sleep(TICK).await;
                self.note();
            }
        };
        let _ = cancel.run_until_cancelled(tick).await;
    }

    /// Something begins now.
    #[must_use]
    pub fn begin(&self) -> Began {
        Began { ms: self.note() }
    }

    /// Waits until the process has stood still since `began`, or shortly before. It looks at each poll, so whoever polls
    /// this first does nothing that was asked of it before the pause.
    pub async fn paused_since(&self, began: Began) {
        let mut resumed = self.shared.resumed.subscribe();
        let mut resumed = pin!(resumed.changed());
        poll_fn(|context| {
            self.note();
            if began.ms < self.shared.suspect_until_ms.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            resumed.as_mut().poll(context).map(|_| ())
        })
        .await;
    }

    /// Notes that the process runs. Whoever does so first after a pause finds it. Returns the time, ms.
    fn note(&self) -> u64 {
        let shared = &self.shared;
        let (now, wall) = (ms(shared.origin.elapsed()), self.clock.now().0);
        let last = shared.last_ms.load(Ordering::Acquire);
        let last_wall = shared.last_wall_ms.swap(wall, Ordering::AcqRel);
        let still = now.saturating_sub(last).max(u64::try_from(wall.saturating_sub(last_wall)).unwrap_or(0));
        if still < ms(PAUSE_MIN) {
            shared.last_ms.fetch_max(now, Ordering::AcqRel);
            return now;
        }
        shared.suspect_until_ms.fetch_max(now + ms(ACCEPT_WINDOW), Ordering::AcqRel);
        // Others may find the same pause at the same time: it is counted once.
        if shared.last_ms.compare_exchange(last, now.max(last + 1), Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.pauses.inc();
            tracing::warn!(seconds = still / 1_000, "this process stood still; connections from before are closed");
            shared.resumed.send_replace(());
        }
        now
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
