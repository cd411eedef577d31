//! Notices that this process stood still: it was stopped, its machine was paused, or no thread of it got a processor.
//!
//! A client that gets no answer repeats its request, perhaps at another agent, and goes on. What the process finds in its
//! sockets when it wakes up may be such requests, and some must not be done any more: by the rules of version 1 a late
//! end of a transaction would end the next one of the same producer. So the connections from before the pause are
//! closed. (A coordinator of Kafka that wakes up is fenced by its epoch; here any agent serves any producer.)
//!
//! Owns: what counts as a pause. Does not own: the connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// A process that stands still for less is only slow: clients wait for 30 s or more.
pub const PAUSE_MIN: Duration = Duration::from_secs(10);
/// Between two signs of life.
const TICK: Duration = Duration::from_secs(1);
/// Time after a pause in which connections are found that clients opened, and perhaps gave up, during it.
const BACKLOG: Duration = Duration::from_secs(1);

/// Watches for pauses of this process. Clones share what it has found.
#[derive(Clone, Debug)]
pub struct PauseWatch {
    state: Arc<Mutex<State>>,
    pauses: Counter,
}

#[derive(Clone, Copy, Debug)]
struct State {
    last_tick: Instant,
    /// The end of the last pause; `None` if there was none.
    resumed: Option<Instant>,
}

/// When something began, to be asked later whether there was a pause since.
#[derive(Clone, Copy, Debug)]
pub struct Began(Instant);

impl PauseWatch {
    /// A watch that begins at `now` and counts `pauses`.
    #[must_use]
    pub fn new(now: Instant, pauses: Counter) -> Self {
        Self { state: Arc::new(Mutex::new(State { last_tick: now, resumed: None })), pauses }
    }

    /// Notes that the process runs, each second until `cancel`. To be run once, in the background.
    pub async fn run(self, cancel: CancellationToken) {
        let tick = async {
            loop {
                sleep(TICK).await;
                self.note(Instant::now());
            }
        };
        let _ = cancel.run_until_cancelled(tick).await;
    }

    /// Something begins at `now`.
    #[must_use]
    pub fn begin(&self, now: Instant) -> Began {
        self.note(now);
        Began(now)
    }

    /// Whether the process has stood still between `began`, or shortly before, and `now`.
    #[must_use]
    pub fn was_paused_since(&self, began: Began, now: Instant) -> bool {
        self.note(now);
        self.state().resumed.is_some_and(|resumed| began.0 < resumed + BACKLOG)
    }

    /// Notes that the process runs at `now`: whoever asks first finds a pause.
    fn note(&self, now: Instant) {
        let mut state = self.state();
        let still = now.saturating_duration_since(state.last_tick);
        state.last_tick = state.last_tick.max(now);
        if still >= PAUSE_MIN {
            state.resumed = Some(now);
            self.pauses.inc();
            let seconds = still.as_secs();
            tracing::warn!(seconds, "this process stood still; connections from before are closed");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
