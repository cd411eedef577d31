//! What the machine has and grants, as far as defaults and the doctor depend on it.

use std::{io, path::Path};

/// Where a container is told how much memory it may use (cgroup v2).
const CONTAINER_MEMORY: &str = "/sys/fs/cgroup/memory.max";

/// Memory in bytes, that of the container where it has less than the machine; 4 GiB where the system does not tell.
pub fn memory_bytes() -> usize {
    const UNKNOWN: usize = 4 << 30;
    let granted = std::fs::read_to_string(CONTAINER_MEMORY).ok().and_then(|text| text.trim().parse().ok());
    [physical_memory_bytes(), granted].into_iter().flatten().min().unwrap_or(UNKNOWN)
}

fn physical_memory_bytes() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB"))?;
    total.trim().parse::<usize>().ok().map(|kib| kib.saturating_mul(1024))
}

/// Files that this process may have open at once; `None`: any number.
pub fn open_files_max() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// Space of the file system that some path is on.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Bytes that we may still write.
    pub free: u64,
    /// All bytes.
    pub size: u64,
}

/// Space where `path` is, which must exist.
///
/// # Errors
/// Where the system does not tell.
pub fn room(path: &Path) -> io::Result<Room> {
    let told = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
    Ok(Room { free: bytes(told.f_bavail), size: bytes(told.f_blocks) })
}
