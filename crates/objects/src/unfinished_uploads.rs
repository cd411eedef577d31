//! Removes what a killed process leaves in a directory: files that were being written (`<name>#<n>`, renamed when
//! complete). Listings do not show them, so the orphan sweep cannot find them.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Minimum age of an unfinished upload: no upload takes this long, so no process is still writing the file.
const UNFINISHED_AGE_MIN: Duration = Duration::from_secs(3600);
/// Directory entries examined: takes about a quarter of a second.
const ENTRIES_MAX: usize = 250_000;

/// Removes unfinished uploads below `directory`, within `ENTRIES_MAX`. Entries that cannot be read or removed are left.
pub(crate) fn remove(directory: &Path) {
    let mut directories: Vec<PathBuf> = vec![directory.to_owned()];
    let mut examined = 0;
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            examined += 1;
            if examined > ENTRIES_MAX {
                return;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                directories.push(entry.path());
            } else if is_unfinished(&entry) && is_old(&entry) {
                let path = entry.path();
                tracing::info!(path = %path.display(), "removing an unfinished upload");
                if let Err(error) = fs::remove_file(&path) {
                    tracing::warn!(%error, path = %path.display(), "removing an unfinished upload failed");
                }
            }
        }
    }
}

fn is_unfinished(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let suffix = name.to_str().and_then(|name| name.rsplit_once('#')).map(|(_, suffix)| suffix);
    suffix.is_some_and(|suffix| !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_old(entry: &DirEntry) -> bool {
    let age = entry.metadata().ok().and_then(|found| found.modified().ok()?.elapsed().ok());
    age.is_some_and(|age| age > UNFINISHED_AGE_MIN)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "files' times are the machine's")]
    fn old_unfinished_files_are_removed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("segments/00")).unwrap();
        let old = SystemTime::now() - UNFINISHED_AGE_MIN * 2;
        for (name, modified) in [
            ("segments/00/a.seg#1", old),
            ("segments/00/a.seg", old),
            ("segments/00/b#x", old),
            ("segments/00/c.seg#12", SystemTime::now()),
        ] {
            File::create(directory.path().join(name)).unwrap().set_modified(modified).unwrap();
        }
        remove(directory.path());
        let left = fs::read_dir(directory.path().join("segments/00")).unwrap();
        let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, ["a.seg", "b#x", "c.seg#12"]);
    }
}
