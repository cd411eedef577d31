//! The clock, the random numbers and the tasks of a process, handed in and never ambient.
//!
//! A real process hands in those of the machine; a test or a simulation hands in its own, so that a seed replays
//! everything. Waiting is `tokio::time`, which is virtual under paused time.

mod clock;
#[cfg(any(test, feature = "testing"))]
mod manual_clock;
mod per_runtime;
mod rng;
#[cfg(any(test, feature = "testing"))]
mod simulated_process;
mod task_priority;
mod tasks;

pub use clock::{Clock, SystemClock};
#[cfg(any(test, feature = "testing"))]
pub use manual_clock::ManualClock;
pub use per_runtime::PerRuntime;
pub use rng::{Rng, SeededRng, SystemRng, uuid_v4};
#[cfg(any(test, feature = "testing"))]
pub use simulated_process::{Bound, SimulatedProcess};
pub use task_priority::TaskPriority;
pub use tasks::Tasks;
