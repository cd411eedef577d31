//! FoundationDB's client in this process: one library, one API version and one network thread for all engines.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use foundationdb::{FdbError, api, options::NetworkOption};
use foundationdb_sys::{FDB_API_VERSION, load, network};

use super::open_error::FdbOpenError;

/// The library's file name, by which the system finds it.
const LIBRARY: &str = if cfg!(target_os = "macos") { "libfdb_c.dylib" } else { "libfdb_c.so" };
/// Time, in seconds, after which the client asks again whether a change that fired a watch is committed. Usually the
/// watch fires a moment too early, and the default of 10 ms would be most of a consumer's wait for a record (measured:
/// a watch resolves 9.7 ms after the commit has returned, and 0.5 ms with this knob).
const WATCH_KNOB: &str = "future_version_retry_delay=0.001";
/// The environment variable that names the directory of a FoundationDB installation.
const HOME: &str = "FDB_HOME";

/// The result of the start. It is tried only once, because the library can be started only once.
static STARTED: Mutex<Option<Result<(), FdbOpenError>>> = Mutex::new(None);

/// Starts the client unless it runs already: from the library at `explicit`, else that of `FDB_HOME`, else the
/// system's.
pub(super) fn start(explicit: Option<&Path>) -> Result<(), FdbOpenError> {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(result) = &*started {
        return result.clone();
    }
    let library = load(&library_paths(explicit, std::env::var_os(HOME).map(PathBuf::from)))?;
    let newest = api::get_max_api_version();
    if newest < FDB_API_VERSION.cast_signed() {
        return Err(FdbOpenError::OldLibrary { library: library.to_owned(), version: network::client_version() });
    }
    let result = run();
    *started = Some(result.clone());
    result
}

fn run() -> Result<(), FdbOpenError> {
    let failed = |error: FdbError| FdbOpenError::Client(error.message().to_owned());
    // The crate's own runner is not used: `foundationdb-sys` runs the thread, since only it may have unsafe code.
    let client = api::FdbApiBuilder::default().build().map_err(failed)?;
    let client = client.set_option(NetworkOption::Knob(WATCH_KNOB.to_owned())).map_err(failed)?;
    client.build().map_err(failed)?;
    network::run().map_err(|error| FdbOpenError::Client(error.to_string()))
}

/// Stops the client: requests under way are never answered, and it cannot be started again. To be called at
/// the end of `main`; does nothing if the client was not started.
pub fn stop() {
    network::stop();
}

/// Stops the client when the process ends without a [`stop`].
pub(super) fn stop_at_exit() {
    if let Err(error) = network::stop_at_exit() {
        tracing::warn!(%error, "cannot stop FoundationDB's client at the end of the process, which may crash then");
    }
}

/// The paths at which the library is tried, in order.
fn library_paths(explicit: Option<&Path>, home: Option<PathBuf>) -> Vec<PathBuf> {
    match explicit {
        Some(library) => vec![library.to_owned()],
        None => home.map(|home| home.join("lib").join(LIBRARY)).into_iter().chain([PathBuf::from(LIBRARY)]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explicit_library_is_the_only_one_tried() {
        assert_eq!(library_paths(Some(Path::new("/a/lib.so")), Some("/home".into())), [Path::new("/a/lib.so")]);
    }

    #[test]
    fn the_library_of_fdb_home_is_tried_before_the_systems() {
        assert_eq!(library_paths(None, Some("/h".into())), [Path::new("/h/lib").join(LIBRARY), PathBuf::from(LIBRARY)]);
        assert_eq!(library_paths(None, None), [Path::new(LIBRARY)]);
    }
}
