//! Finding the library, once per process.

use std::{
    error::Error as _,
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use libloading::Library;
use thiserror::Error;

use crate::functions::Functions;

/// Why the library cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoadError {
    /// None of the places has a library that can be loaded.
    #[error("no usable client library found ({})", Reasons(tried))]
    NotFound {
        /// Each place with what the system said of it.
        tried: Vec<(PathBuf, String)>,
    },
    /// It is there, but too old, or something else by the same name.
    #[error("{} has no function {missing}: it is older than FoundationDB 7.3, or something else", library.display())]
    Incomplete {
        /// Where it is.
        library: PathBuf,
        /// The first function that was not found.
        missing: &'static str,
    },
}

struct Reasons<'a>(&'a [(PathBuf, String)]);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (place, reason)) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            // The system's message mostly begins with the place itself.
            let shown = place.display().to_string();
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
    functions: Functions,
    /// Never dropped, for it is never unloaded: the functions lie in it.
    _library: Library,
}

static LOADED: OnceLock<Loaded> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// Loads the first of `places` that can be loaded, and finds all functions in it. A name without a directory is looked for
/// where the system looks for libraries. Once one is loaded, every later call answers that one.
///
/// # Errors
/// Where there is none, or it lacks a function.
pub fn load(places: &[PathBuf]) -> Result<&'static Path, LoadError> {
    let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = loaded() {
        return Ok(path);
    }
    let mut tried = Vec::new();
    for place in places {
        // SAFETY: what runs when it is loaded is FoundationDB's own, or what the user put in its place on purpose.
        match unsafe { Library::new(place) } {
            Ok(library) => {
                let functions = Functions::find(&library, place)?;
                let loaded = Loaded { path: place.clone(), functions, _library: library };
                return Ok(&LOADED.get_or_init(|| loaded).path);
            }
            Err(error) => {
                // What the system said is below the crate's own words.
                let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                tried.push((place.clone(), reason));
            }
        }
    }
    Err(LoadError::NotFound { tried })
}

/// The library that is loaded, if one is.
#[must_use]
pub fn loaded() -> Option<&'static Path> {
    LOADED.get().map(|loaded| loaded.path.as_path())
}

pub(crate) fn functions() -> &'static Functions {
    &LOADED.get().expect("who uses FoundationDB has loaded its library before").functions
}
