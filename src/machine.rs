//! Memory, processors, open files and disk space of the machine, on which defaults and the doctor depend.

use std::{io, path::Path};

/// The file with a container's memory limit (cgroup v2).
const CONTAINER_MEMORY: &str = "/sys/fs/cgroup/memory.max";

/// Memory of the machine in bytes, or the container's limit if that is lower; 4 GiB if neither can be read.
pub fn memory_bytes() -> usize {
    const UNKNOWN: usize = 4 << 30;
    let limit = std::fs::read_to_string(CONTAINER_MEMORY).ok().and_then(|text| text.trim().parse().ok());
    [physical_memory_bytes(), limit].into_iter().flatten().min().unwrap_or(UNKNOWN)
}

/// Processors that this process may use; 1 if their number cannot be read.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn physical_memory_bytes() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB"))?;
    total.trim().parse::<usize>().ok().map(|kib| kib.saturating_mul(1024))
}

/// Number of files that this process may have open at once; `None` if unlimited.
pub fn open_files_max() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// Space of the file system that a path is on.
#[derive(Clone, Copy, Debug)]
pub struct DiskSpace {
    /// Bytes that this user may still write.
    pub free: u64,
    /// Bytes of the whole file system.
    pub size: u64,
}

/// Space of the file system that `path` is on. The path must exist.
///
/// # Errors
/// If the system cannot read it.
pub fn disk_space(path: &Path) -> io::Result<DiskSpace> {
    let stat = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok(DiskSpace { free: bytes(stat.f_bavail), size: bytes(stat.f_blocks) })
}
