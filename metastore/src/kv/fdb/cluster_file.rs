//! The file that names the coordinators of a FoundationDB cluster.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::open_error::FdbOpenError;

/// The environment variable that names the file, as for FoundationDB's own tools.
const VARIABLE: &str = "FDB_CLUSTER_FILE";
/// The file's name in the working directory.
const LOCAL: &str = "fdb.cluster";

/// A cluster file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClusterFile {
    /// Path of the file.
    pub path: PathBuf,
    /// The addresses of the cluster's coordinators, as they stand in the file.
    pub coordinators: String,
}

impl ClusterFile {
    /// The file at `path`, otherwise the one that FoundationDB's own tools would use.
    pub fn find(path: Option<&Path>) -> Result<Self, FdbOpenError> {
        let path = path.map_or_else(default_path, Path::to_owned);
        let unreadable = |reason: String| FdbOpenError::ClusterFile { path: path.clone(), reason };
        let text = fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
        let coordinators = coordinators(&text).ok_or_else(|| unreadable("it names no coordinators".to_owned()))?;
        Ok(Self { coordinators, path })
    }
}

fn default_path() -> PathBuf {
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        return path.into();
    }
    let local = Path::new(LOCAL);
    if local.exists() { local.to_owned() } else { foundationdb::default_config_path().into() }
}

/// The part after the `@` in the first line that is no comment: `description:id@host:port,host:port`.
fn coordinators(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let (_, coordinators) = line.split_once('@')?;
    (!coordinators.is_empty()).then(|| coordinators.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinators_are_read_from_the_line_that_is_no_comment() {
        let text = "# made by hand\n\ntest:abc@10.0.0.1:4500,10.0.0.2:4500\n";
        assert_eq!(coordinators(text).as_deref(), Some("10.0.0.1:4500,10.0.0.2:4500"));
        assert_eq!(coordinators("nonsense"), None);
        assert_eq!(coordinators(""), None);
    }

    #[test]
    fn the_error_of_a_missing_file_names_it() {
        let error = ClusterFile::find(Some(Path::new("/no/such/fdb.cluster"))).unwrap_err();
        assert!(error.to_string().contains("/no/such/fdb.cluster"), "{error}");
    }
}
