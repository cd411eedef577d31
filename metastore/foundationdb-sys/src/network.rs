//! The library's network thread: started once per process, stopped before the process ends.
//!
//! Owns: the thread. Does not own: when a process ends; `main` stops it, and [`stop_at_exit`] where `main` is not ours.

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

/// Runs the network, which has been set up, in a thread of its own. It has to be stopped before the process ends: a thread
/// that outlives `main` runs through what the library is tearing down.
///
/// # Errors
/// Where the system has no thread to give.
///
/// # Panics
/// Where the library was not loaded.
pub fn run() -> io::Result<()> {
    assert!(loaded().is_some(), "the library is loaded before its network is run");
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if running.is_none() {
        let thread = thread::Builder::new().name("fdb-network".to_owned()).spawn(|| {
            // SAFETY: set up by the caller (else it answers an error), and stopped before the process ends.
            unsafe { fdb_run_network() };
        })?;
        *running = Some(thread);
    }
    Ok(())
}

/// Stops the network, for good: a process runs it once. What is under way is never answered. Nothing where it does not run.
pub fn stop() {
    let Some(thread) = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    // SAFETY: may be called from any thread; without a running network it answers an error.
    if unsafe { fdb_stop_network() } == 0 {
        // There is nobody left to tell whether it panicked.
        let _ = thread.join();
    }
}

/// Has [`stop`] called at the process's end, for those who end it anywhere. To be called once the library has answered
/// something: the system calls first what was registered last, and the library registers the end of some of what its thread
/// uses only when it is used.
///
/// # Errors
/// Where the system has no room for it.
pub fn stop_at_exit() -> io::Result<()> {
    extern "C" fn at_exit() {
        stop();
    }
    // SAFETY: what is handed in is a function that lives as long as the program.
    match unsafe { libc::atexit(at_exit) } {
        0 => Ok(()),
        _ => Err(io::Error::other("the process cannot be told what to do at its end")),
    }
}

/// The library's version, as it says it: number, commit and protocol.
///
/// # Panics
/// Where the library was not loaded.
#[must_use]
pub fn client_version() -> String {
    // SAFETY: answers text that lives as long as the library does.
    let text = unsafe { CStr::from_ptr(fdb_get_client_version()) };
    text.to_string_lossy().into_owned()
}
