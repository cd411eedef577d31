//! Finding and loading the library, once per process.

use std::{
    error::Error as _,
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use libloading::Library;
use thiserror::Error;

use crate::functions::{Functions, install};

/// Why the library cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoadError {
    /// No library could be loaded from any of the paths.
    #[error("no usable client library found ({})", Reasons(tried))]
    NotFound {
        /// Each path with the system's error.
        tried: Vec<(PathBuf, String)>,
    },
    /// The library lacks a function: it is too old, or another library by the same name.
    #[error("{} has no function {missing}: it is older than FoundationDB 7.3, or something else", library.display())]
    Incomplete {
        /// Path of the library.
        library: PathBuf,
        /// Name of the first function that was not found.
        missing: &'static str,
    },
}

struct Reasons<'a>(&'a [(PathBuf, String)]);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (path, reason)) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            // The system's message mostly begins with the path itself.
            let shown = path.display().to_string();
            match reason.strip_prefix(&shown) {
                Some(_) => write!(f, "{separator}{reason}")?,
                None => write!(f, "{separator}{shown}: {reason}")?,
            }
        }
        Ok(())
    }
}

struct Loaded {
    path: PathBuf,
    /// Never dropped, because the installed functions are in it.
    _library: Library,
}

static LOADED: OnceLock<Loaded> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// Loads the first of `paths` that can be loaded, and looks up all functions in it. A name without a directory is
/// searched for where the system finds its libraries. Once a library is loaded, every later call returns that one's
/// path.
///
/// # Errors
/// If no library can be loaded, or it lacks a function.
pub fn load(paths: &[PathBuf]) -> Result<&'static Path, LoadError> {
    let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = loaded() {
        return Ok(path);
    }
    let mut tried = Vec::new();
    for path in paths {
        // SAFETY: the code that runs on loading is FoundationDB's own, or what the user put at this path on purpose.
        match unsafe { Library::new(path) } {
            Ok(library) => {
                let incomplete = |missing| LoadError::Incomplete { library: path.clone(), missing };
                install(Functions::find(&library).map_err(incomplete)?);
                let loaded = Loaded { path: path.clone(), _library: library };
                return Ok(&LOADED.get_or_init(|| loaded).path);
            }
            Err(error) => {
                // The system's own message is the source of the crate's error.
                let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                tried.push((path.clone(), reason));
            }
        }
    }
    Err(LoadError::NotFound { tried })
}

/// Path of the loaded library; `None` if none is loaded.
#[must_use]
pub fn loaded() -> Option<&'static Path> {
    LOADED.get().map(|loaded| loaded.path.as_path())
}
