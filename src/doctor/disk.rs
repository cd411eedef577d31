//! Free space on the disks of local files: the embedded metastore, and objects in a directory.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bytesize::ByteSize;

use super::{finding::Finding, findings::Findings};
use crate::{
    config::{MetastoreLocation, Settings, StoreLocation},
    machine::{self, DiskSpace},
};

const METASTORE: &str = "disk.metastore";
const OBJECTS: &str = "disk.objects";
/// Free bytes below which an hour of moderate load fills the disk.
const FREE_USUAL: u64 = 10 << 30;
/// Free bytes below which a segment and the next growth of the metastore's file may not fit.
const FREE_MIN: u64 = 64 << 20;
/// Percentage of free space below which disks slow down and file systems fragment.
const FREE_PERCENT_USUAL: u64 = 10;

/// Checks the directories that the settings use.
///
/// # Errors
/// If a finding cannot be printed.
pub fn check(settings: &Settings, findings: &mut Findings) -> Result<()> {
    if let MetastoreLocation::Redb(directory) = &settings.metastore {
        findings.add(check_directory(METASTORE, directory))?;
    }
    if let StoreLocation::Local { directory } = &settings.store {
        findings.add(check_directory(OBJECTS, directory))?;
    }
    Ok(())
}

fn check_directory(check: &'static str, directory: &Path) -> Finding {
    match machine::disk_space(&nearest_existing(directory)) {
        Ok(space) => finding(check, directory, &space),
        Err(error) => Finding::not_known(
            check,
            format!("{}: {error}", directory.display()),
            "Check that the directory can be reached by this user (`df`).",
        ),
    }
}

fn finding(check: &'static str, directory: &Path, space: &DiskSpace) -> Finding {
    let DiskSpace { free, size } = *space;
    let text = |bytes| ByteSize(bytes).display().iec().to_string();
    let found = format!("{}: {} of {} are free", directory.display(), text(free), text(size));
    let advice =
        "Free space, enlarge the disk, or keep objects in a bucket (--store s3://...) and let retention delete more.";
    let finding = if free < FREE_MIN {
        let means = "Produce requests fail until there is space again. (Acknowledged records are safe.)";
        Finding::failure(check, found, means, advice)
    } else if free < FREE_USUAL && free / FREE_PERCENT_USUAL.max(1) < size / 100 {
        Finding::warning(check, found, "The disk will be full soon; then produce requests fail.", advice)
    } else {
        Finding::ok(check, found)
    };
    finding.with("free_bytes", free).with("size_bytes", size)
}

/// `directory`, or its nearest ancestor that exists.
fn nearest_existing(directory: &Path) -> PathBuf {
    let found = directory.ancestors().find(|ancestor| ancestor.exists() && !ancestor.as_os_str().is_empty());
    found.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Outcome;

    #[test]
    fn a_nearly_full_disk_is_a_warning_and_a_full_one_a_failure() {
        let outcome = |free, size| finding(METASTORE, Path::new("d"), &DiskSpace { free, size }).outcome;
        assert_eq!(outcome(50 << 30, 1_000 << 30), Outcome::Ok);
        assert_eq!(outcome(5 << 30, 10 << 30), Outcome::Ok);
        assert_eq!(outcome(5 << 30, 100 << 30), Outcome::Warning);
        assert_eq!(outcome(63 << 20, 100 << 20), Outcome::Failure);
    }

    #[test]
    fn a_missing_directory_is_checked_by_its_nearest_ancestor() {
        let existing = tempfile::tempdir().unwrap();
        assert_eq!(nearest_existing(&existing.path().join("a/b")), existing.path());
        assert_eq!(nearest_existing(Path::new("no-such-directory/b")), Path::new("."));
    }
}
