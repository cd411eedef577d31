//! Limits of the process: open files against connections, memory against caches and buffers.

use anyhow::Result;
use bytesize::ByteSize;

use super::{finding::Finding, findings::Findings};
use crate::{config::Settings, machine};

const OPEN_FILES: &str = "process.open-files";
const MEMORY: &str = "process.memory";
/// Open files beside Kafka connections: HTTP, the bucket, the metastore, libraries, logs.
const OTHER_FILES: u64 = 512;
/// Bytes that an idle agent uses; connections' buffers are not counted.
const BASE_BYTES: u64 = 256 << 20;
/// Percentage of the memory that caches and buffers may take: the rest is for connections, decompression and the
/// system.
const MEMORY_PERCENT_USUAL: u64 = 70;

/// Checks the limits of open files and of memory.
///
/// # Errors
/// If a finding cannot be printed.
pub fn check(settings: &Settings, findings: &mut Findings) -> Result<()> {
    findings.add(open_files(settings.agent.connections_max as u64, machine::open_files_max()))?;
    let agent = &settings.agent;
    let buffers = (agent.unflushed_bytes_max + agent.answer_bytes_max) as u64;
    let planned = buffers + agent.cache_bytes + BASE_BYTES;
    findings.add(memory(planned, machine::memory_bytes() as u64))
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
            "At the limit no connection is accepted, and object requests that need a new connection fail.",
            "Raise the limit: `ulimit -n`, LimitNOFILE= in the systemd unit, `--ulimit nofile=` of the container; or \
             lower --connections-max.",
        )
    };
    finding.with("limit", limit).with("needed", needed)
}

fn memory(planned: u64, available: u64) -> Finding {
    let (planned_text, available_text) = (ByteSize(planned).display().iec(), ByteSize(available).display().iec());
    let found = format!("{available_text}; caches and buffers may take {planned_text}");
    let advice =
        "Lower --cache-bytes, --answer-bytes or --unflushed-bytes, or give the machine or container more memory.";
    let finding = if planned > available {
        Finding::failure(MEMORY, found, "The system kills the process before its own limits are reached.", advice)
    } else if planned > available / 100 * MEMORY_PERCENT_USUAL {
        let means = "Little is left for connections and decompression: under load the system may kill the process.";
        Finding::warning(MEMORY, found, means, advice)
    } else {
        Finding::ok(MEMORY, found)
    };
    finding.with("memory_bytes", available).with("planned_bytes", planned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Outcome;

    #[test]
    fn too_few_open_files_for_all_connections_are_a_warning() {
        assert_eq!(open_files(10_000, Some(10_512)).outcome, Outcome::Ok);
        assert_eq!(open_files(10_000, Some(10_511)).outcome, Outcome::Warning);
        assert_eq!(open_files(10_000, None).outcome, Outcome::Ok);
    }

    #[test]
    fn too_little_memory_for_caches_and_buffers_is_a_failure() {
        assert_eq!(memory(70, 100).outcome, Outcome::Ok);
        assert_eq!(memory(71, 100).outcome, Outcome::Warning);
        assert_eq!(memory(101, 100).outcome, Outcome::Failure);
    }
}
