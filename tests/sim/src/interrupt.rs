//! Ctrl-C and SIGTERM: a long run ends with what it has found so far.

use std::io;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// Waits until the process is told to stop. Returns the number of the signal.
///
/// # Errors
/// If signals cannot be received.
pub fn wait() -> io::Result<i32> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt(),
            _ = terminate.recv() => SignalKind::terminate(),
        }
        .as_raw_value())
    })
}
