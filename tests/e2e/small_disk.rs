//! A small disk that can be filled: a tmpfs of some MiB. Mounting one takes root; without it the tests that need one
//! are skipped.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;

/// Bytes of one write of [`SmallDisk::fill`].
const PIECE: usize = 4096;

/// A mounted tmpfs. Dropping it unmounts it.
pub struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    /// Mounts a disk of `mib` MiB. `None` if that is not possible; the reason is printed.
    pub fn mount(mib: usize) -> Option<Self> {
        static SKIPPED: AtomicU32 = AtomicU32::new(0);
        let directory = tempfile::tempdir().expect("a directory");
        let size = format!("size={mib}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(directory.path()).output();
        let why = match mounted {
            Ok(output) if output.status.success() => return Some(Self { directory }),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let number = SKIPPED.fetch_add(1, Ordering::SeqCst) + 1;
        // Written past the test harness, which hides what successful tests print.
        writeln!(io::stderr(), "SKIPPED ({number} so far): no tmpfs can be mounted: {why}").expect("a standard error");
        None
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Takes all space that is left.
    pub fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).expect("a file");
        while ballast.write(&[0x5a; PIECE]).is_ok() {}
    }

    /// Frees what [`Self::fill`] has taken.
    pub fn free(&self) {
        fs::remove_file(self.ballast()).expect("removable");
    }

    /// Makes it read-only, or writable again.
    pub fn set_read_only(&self, read_only: bool) {
        let how = if read_only { "remount,ro" } else { "remount,rw" };
        let status = Command::new("mount").args(["-o", how]).arg(self.path()).status().expect("mount runs");
        assert!(status.success(), "mount -o {how} failed");
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server that is still running may have files open. If it fails, the mount stays until the system
        // cleans up.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
