//! The signals that tell a process to stop.

use std::future::Future;

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C and SIGTERM.
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Listens from now on: a signal that arrives before the first wait is not lost.
    ///
    /// # Errors
    /// If the system cannot install the handlers.
    pub fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("listening for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// The result of `starting`, unless a signal arrives first: a store that does not answer may take long to give up.
    ///
    /// # Errors
    /// Those of `starting`, or that it was stopped by a signal.
    pub async fn unless_stopped<T>(&mut self, starting: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            started = starting => started,
            signal = self.next() => bail!("{signal}: stopped while starting"),
        }
    }

    /// Waits for the next signal and returns its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => "interrupt",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
