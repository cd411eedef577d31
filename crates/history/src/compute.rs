//! Runs CPU-heavy work off the async threads.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{JoinError, spawn_blocking};

/// Runs `work` on a blocking thread. A single-threaded runtime (tests, simulations) runs it in place instead: on
/// another thread it would finish at a random time, and the same seed would not give the same run.
///
/// # Errors
/// If the work panicked, or the runtime is shutting down.
pub async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return Ok(work());
    }
    spawn_blocking(work).await
}
