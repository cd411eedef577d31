//! What the machine has, as far as defaults depend on it.

/// Physical memory in bytes; 4 GiB where the system does not tell.
pub fn memory_bytes() -> usize {
    const UNKNOWN: usize = 4 << 30;
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return UNKNOWN };
    text.lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<usize>().ok())
        .map_or(UNKNOWN, |kib| kib.saturating_mul(1024))
}
