//! FoundationDB's client in this process: one library, one API version, one network thread, whoever asks.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use foundationdb::{FdbError, api, options::NetworkOption};
use foundationdb_sys::{FDB_API_VERSION, load, network};

use super::OpenError;

/// What the library is called where the system looks for libraries.
const LIBRARY: &str = if cfg!(target_os = "macos") { "libfdb_c.dylib" } else { "libfdb_c.so" };
/// Time, s, after which the client asks again whether a change that a watch was told of is committed. Usually it was told a
/// moment too early, and its own 10 ms would be most of what a consumer waits for a record (measured: a watch resolves
/// 9.7 ms after the commit has returned, and 0.5 ms with this).
const WATCH_KNOB: &str = "future_version_retry_delay=0.001";
/// Names a directory in which FoundationDB is installed with all its parts.
const HOME: &str = "FDB_HOME";

/// What became of the start; it is tried once, for the library itself can be started once.
static STARTED: Mutex<Option<Result<(), OpenError>>> = Mutex::new(None);

/// Starts the client, unless it runs: by the library at `explicit`, else the one of `FDB_HOME`, else the system's.
pub(super) fn start(explicit: Option<&Path>) -> Result<(), OpenError> {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(result) = &*started {
        return result.clone();
    }
    let library = load(&places(explicit, std::env::var_os(HOME).map(PathBuf::from)))?;
    let newest = api::get_max_api_version();
    if newest < FDB_API_VERSION.cast_signed() {
        return Err(OpenError::OldLibrary { library: library.to_owned(), version: network::client_version() });
    }
    let result = run();
    *started = Some(result.clone());
    result
}

fn run() -> Result<(), OpenError> {
    let failed = |error: FdbError| OpenError::Client(error.message().to_owned());
    // The runner is not used: the thread is run by the crate that may do what is unsafe.
    let client = api::FdbApiBuilder::default().build().map_err(failed)?;
    let client = client.set_option(NetworkOption::Knob(WATCH_KNOB.to_owned())).map_err(failed)?;
    client.build().map_err(failed)?;
    network::run().map_err(|error| OpenError::Client(error.to_string()))
}

/// Ends the client: whoever still waits for an answer waits in vain, and it cannot be started again. To be called at the end
/// of `main`; nothing where it was not started.
pub fn stop() {
    network::stop();
}

/// Has it ended at the process's end, where that comes without a [`stop`].
pub(super) fn stop_at_exit() {
    if let Err(error) = network::stop_at_exit() {
        tracing::warn!(%error, "FoundationDB's client may disturb the end of the process");
    }
}

/// Where the library is looked for.
fn places(explicit: Option<&Path>, home: Option<PathBuf>) -> Vec<PathBuf> {
    match explicit {
        Some(library) => vec![library.to_owned()],
        None => home.map(|home| home.join("lib").join(LIBRARY)).into_iter().chain([PathBuf::from(LIBRARY)]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_that_was_named_is_the_only_one_tried() {
        assert_eq!(places(Some(Path::new("/a/lib.so")), Some("/home".into())), [Path::new("/a/lib.so")]);
    }

    #[test]
    fn the_library_of_the_home_comes_before_that_of_the_system() {
        assert_eq!(places(None, Some("/h".into())), [Path::new("/h/lib").join(LIBRARY), PathBuf::from(LIBRARY)]);
        assert_eq!(places(None, None), [Path::new(LIBRARY)]);
    }
}
