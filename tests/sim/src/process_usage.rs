//! What this process has used so far, as Linux reports it.

use std::fs::read_to_string;
use std::time::Duration;

/// Ticks of a second in `/proc` (`USER_HZ`, which is 100 on all architectures that matter here).
const TICKS_PER_SECOND: u64 = 100;

/// Processor time and memory of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Time on processors, of all threads.
    pub cpu: Duration,
    /// Bytes of memory that are resident.
    pub resident_bytes: u64,
}

impl ProcessUsage {
    /// The usage now; `None` where there is no `/proc`.
    pub fn now() -> Option<Self> {
        let (stat, status) = (read_to_string("/proc/self/stat").ok()?, read_to_string("/proc/self/status").ok()?);
        Self::parse(&stat, &status)
    }

    /// From the contents of `stat` and `status`; see `proc(5)`.
    fn parse(stat: &str, status: &str) -> Option<Self> {
        // The second field, the program's name in parentheses, may contain spaces. User and system time are the
        // twelfth and thirteenth after it.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        let ticks = ticks()? + ticks()?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = resident.trim().strip_suffix(" kB")?.parse().ok()?;
        let cpu = Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND);
        Some(Self { cpu, resident_bytes: kibibytes << 10 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_from_proc() {
        let stat = "17 (a (b) c) S 1 17 17 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 3 0 100 1000 10 18446744073709551615";
        let status = "Name:\tc\nVmHWM:\t   9000 kB\nVmRSS:\t    2048 kB\nThreads:\t3\n";
        let expected = ProcessUsage { cpu: Duration::from_secs(3), resident_bytes: 2 << 20 };
        assert_eq!(ProcessUsage::parse(stat, status), Some(expected));
        assert_eq!(ProcessUsage::parse("", ""), None);
    }
}
