//! Room on the disks of what is kept locally: the embedded metastore, and objects in a directory.

use std::path::{Path, PathBuf};

use alluvium_objects::StoreLocation;
use anyhow::Result;
use bytesize::ByteSize;

use super::{finding::Finding, run::Findings};
use crate::{
    config::{MetastoreLocation, Settings},
    machine::{self, Room},
};

const METASTORE: &str = "disk.metastore";
const OBJECTS: &str = "disk.objects";
/// Below this, an hour of moderate load fills the disk.
const FREE_USUAL: u64 = 10 << 30;
/// Below this, one segment and the metastore's next file growth may not fit.
const FREE_MIN: u64 = 64 << 20;
/// Disks slow down and file systems fragment when they are nearly full.
const FREE_PERCENT_USUAL: u64 = 10;

/// Checks the directories that are used.
///
/// # Errors
/// Where findings cannot be shown.
pub fn check(settings: &Settings, findings: &mut Findings) -> Result<()> {
    if let MetastoreLocation::Redb(directory) = &settings.metastore {
        findings.add(room(METASTORE, directory))?;
    }
    if let StoreLocation::Local { directory } = &settings.store {
        findings.add(room(OBJECTS, directory))?;
    }
    Ok(())
}

fn room(check: &'static str, directory: &Path) -> Finding {
    match machine::room(&existing(directory)) {
        Ok(room) => judge(check, directory, &room),
        Err(error) => Finding::not_known(
            check,
            format!("{}: {error}", directory.display()),
            "Check that the directory can be reached by this user (`df`).",
        ),
    }
}

fn judge(check: &'static str, directory: &Path, room: &Room) -> Finding {
    let Room { free, size } = *room;
    let text = |bytes| ByteSize(bytes).display().iec().to_string();
    let found = format!("{}: {} of {} are free", directory.display(), text(free), text(size));
    let advice =
        "Free space, enlarge the disk, or keep objects in a bucket (--store s3://...) and let retention delete more.";
    let finding = if free < FREE_MIN {
        let means = "Producers are refused until there is room again. (What is acknowledged stays.)";
        Finding::failure(check, found, means, advice)
    } else if free < FREE_USUAL && free / FREE_PERCENT_USUAL.max(1) < size / 100 {
        Finding::warning(check, found, "It will be full soon; then producers are refused.", advice)
    } else {
        Finding::ok(check, found)
    };
    finding.with("free_bytes", free).with("size_bytes", size)
}

/// `directory`, or what is there of the way to it.
fn existing(directory: &Path) -> PathBuf {
    let there = directory.ancestors().find(|way| way.exists() && !way.as_os_str().is_empty());
    there.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Outcome;

    #[test]
    fn a_nearly_full_disk_is_a_warning_and_a_full_one_a_failure() {
        let outcome = |free, size| judge(METASTORE, Path::new("d"), &Room { free, size }).outcome;
        assert_eq!(outcome(50 << 30, 1_000 << 30), Outcome::Ok);
        assert_eq!(outcome(5 << 30, 10 << 30), Outcome::Ok);
        assert_eq!(outcome(5 << 30, 100 << 30), Outcome::Warning);
        assert_eq!(outcome(63 << 20, 100 << 20), Outcome::Failure);
    }

    #[test]
    fn a_directory_that_is_not_there_yet_is_judged_by_what_is() {
        let there = tempfile::tempdir().unwrap();
        assert_eq!(existing(&there.path().join("a/b")), there.path());
        assert_eq!(existing(Path::new("no-such-directory/b")), Path::new("."));
    }
}
