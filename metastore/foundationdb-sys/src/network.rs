//! The library's network thread: started once per process, stopped before the process ends.
//!
//! Owns: the thread. Does not own: when the process ends: `main` stops the thread, or [`stop_at_exit`] if `main` is not
//! ours.

use std::{
    ffi::CStr,
    io,
    sync::{Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use crate::{
    functions::{fdb_get_client_version, fdb_run_network, fdb_stop_network},
    load::loaded,
};

/// The running thread.
static RUNNING: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);

/// Runs the network, which must have been set up, in a thread of its own. It must be stopped before the process ends: a
/// thread that outlives `main` uses what the library is tearing down.
///
/// # Errors
/// If the system cannot start a thread.
///
/// # Panics
/// If the library was not loaded.
pub fn run() -> io::Result<()> {
    assert!(loaded().is_some(), "the library is loaded before its network is run");
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if running.is_none() {
        let thread = thread::Builder::new().name("fdb-network".to_owned()).spawn(|| {
            // SAFETY: set up by the caller (otherwise it returns an error), and stopped before the process ends.
            unsafe { fdb_run_network() };
        })?;
        *running = Some(thread);
    }
    Ok(())
}

/// Stops the network; it cannot be started again: a process can run it only once. Requests under way are never
/// answered. Does nothing if the network does not run.
pub fn stop() {
    let Some(thread) = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    // SAFETY: may be called from any thread; without a running network it returns an error.
    if unsafe { fdb_stop_network() } == 0 {
        // A panic of the thread makes no difference any more.
        let _ = thread.join();
    }
}

/// Registers [`stop`] to be called when the process exits, wherever it does. To be called once the library has answered
/// a request: exit handlers run in the reverse order of their registration, and the library registers some of its own
/// only when it is used.
///
/// # Errors
/// If the system cannot register another exit handler.
pub fn stop_at_exit() -> io::Result<()> {
    extern "C" fn at_exit() {
        stop();
    }
    // SAFETY: the function lives as long as the program.
    match unsafe { libc::atexit(at_exit) } {
        0 => Ok(()),
        _ => Err(io::Error::other("cannot register an exit handler")),
    }
}

/// The library's version as it reports it: number, commit and protocol.
///
/// # Panics
/// If the library was not loaded.
#[must_use]
pub fn client_version() -> String {
    // SAFETY: it returns text that lives as long as the library.
    let text = unsafe { CStr::from_ptr(fdb_get_client_version()) };
    text.to_string_lossy().into_owned()
}
