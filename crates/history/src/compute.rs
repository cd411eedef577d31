//! Work that takes the processor for long: kept off the threads that serve.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{JoinError, spawn_blocking};

/// Does `work` where it holds nobody up. A runtime of one thread (tests, simulations) does it at once and in place: beside
/// another thread its end would fall at no certain time, and a seed would not give the same run twice.
///
/// # Errors
/// Where the work panicked, or the runtime is shutting down.
pub async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return Ok(work());
    }
    spawn_blocking(work).await
}
