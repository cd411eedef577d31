//! Limits of the process: open files against connections, memory against caches and buffers.

use anyhow::Result;
use bytesize::ByteSize;

use super::{finding::Finding, run::Findings};
use crate::{config::Settings, machine};

const OPEN_FILES: &str = "process.open-files";
const MEMORY: &str = "process.memory";
/// Open files besides Kafka's connections: HTTP, the bucket, the metastore, libraries, logs.
const OTHER_FILES: u64 = 512;
/// What a quiet agent takes, and each connection's buffers come out of the rest.
const BASE_BYTES: u64 = 256 << 20;
/// Of all memory, what caches and buffers may take: the rest is for connections, decompression and the system.
const MEMORY_PERCENT_USUAL: u64 = 70;

/// Checks both.
///
/// # Errors
/// Where findings cannot be shown.
pub fn check(settings: &Settings, findings: &mut Findings) -> Result<()> {
    findings.add(open_files(settings.agent.connections_max as u64, machine::open_files_max()))?;
    let taken = settings.agent.unflushed_bytes_max as u64 + settings.agent.cache_bytes + BASE_BYTES;
    findings.add(memory(taken, machine::memory_bytes() as u64))
}

fn open_files(connections: u64, limit: Option<u64>) -> Finding {
    let Some(limit) = limit else { return Finding::ok(OPEN_FILES, "unlimited") };
    let needed = connections + OTHER_FILES;
    let found = format!("at most {limit}; --connections-max {connections} and the rest may need {needed}");
    let finding = if limit >= needed {
        Finding::ok(OPEN_FILES, found)
    } else {
        Finding::warning(
            OPEN_FILES,
            found,
            "At the limit no connection is accepted, and reads and writes of objects fail that need a new one.",
            "Raise it: `ulimit -n`, LimitNOFILE= in the systemd unit, `--ulimit nofile=` of the container; or lower \
             --connections-max.",
        )
    };
    finding.with("limit", limit).with("needed", needed)
}

fn memory(taken: u64, there: u64) -> Finding {
    let (taken_text, there_text) = (ByteSize(taken).display().iec(), ByteSize(there).display().iec());
    let found = format!("{there_text}; caches and buffers may take {taken_text}");
    let advice = "Lower --cache-bytes or --unflushed-bytes, or give the machine or container more memory.";
    let finding = if taken > there {
        Finding::failure(MEMORY, found, "The system ends the process before its own limits are reached.", advice)
    } else if taken > there / 100 * MEMORY_PERCENT_USUAL {
        let means = "Little is left for connections and decompression: under load the system may end the process.";
        Finding::warning(MEMORY, found, means, advice)
    } else {
        Finding::ok(MEMORY, found)
    };
    finding.with("memory_bytes", there).with("planned_bytes", taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Outcome;

    #[test]
    fn open_files_must_do_for_the_connections_and_the_rest() {
        assert_eq!(open_files(10_000, Some(10_512)).outcome, Outcome::Ok);
        assert_eq!(open_files(10_000, Some(10_511)).outcome, Outcome::Warning);
        assert_eq!(open_files(10_000, None).outcome, Outcome::Ok);
    }

    #[test]
    fn memory_must_do_for_what_is_planned_and_leave_some() {
        assert_eq!(memory(70, 100).outcome, Outcome::Ok);
        assert_eq!(memory(71, 100).outcome, Outcome::Warning);
        assert_eq!(memory(101, 100).outcome, Outcome::Failure);
    }
}
