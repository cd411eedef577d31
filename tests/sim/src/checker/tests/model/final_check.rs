//! The end of a run: how far work behind the write path has come. The final check: everything is read back from two
//! agents, before and after compaction, and the store is listed.

use super::{
    super::history_builder::object,
    log::{Log, offset},
    world::{Recording, numbered},
};
use crate::history::{AgentAddress, EventKind, FinalObjects, Isolation, LiveExtent, Phase, Progress, Readback, Upkeep};

pub fn record(recording: &mut Recording, logs: &[Log]) {
    for (index, log) in logs.iter().enumerate() {
        for work in [Upkeep::Compaction, Upkeep::Retention, Upkeep::CatchUp] {
            let (at, due) = (offset(log.end()), offset(log.start));
            let progress = Progress { work, partition: numbered(index), at, due, since: recording.lately() };
            recording.record(0, EventKind::Progress(progress));
        }
    }
    for phase in [Phase::BeforeCompaction, Phase::AfterCompaction] {
        for agent in ["agent-0", "agent-1"] {
            for isolation in [Isolation::ReadUncommitted, Isolation::ReadCommitted] {
                for (index, log) in logs.iter().enumerate() {
                    read_back(recording, log, index, (phase, AgentAddress::from(agent), isolation));
                }
            }
        }
    }
    let mut objects = FinalObjects { stored: vec![object(1), object(2), object(3)], ..FinalObjects::default() };
    objects.retired = vec![object(3), object(4)];
    for (index, log) in logs.iter().enumerate().filter(|(_, log)| log.start < log.end()) {
        let middle = log.start + (log.end() - log.start) / 2;
        let parts = [(log.start.saturating_sub(1), middle, 1), (middle, log.end(), 2)];
        for (start, end, number) in parts.into_iter().filter(|(start, end, _)| start < end) {
            let (partition, offsets) = (numbered(index), offset(start)..offset(end));
            objects.live.push(LiveExtent { partition, offsets, object: Some(object(number)), is_shared: false });
        }
    }
    recording.record(0, EventKind::FinalObjects(objects));
}

fn read_back(
    recording: &mut Recording,
    log: &Log,
    index: usize,
    (phase, agent, isolation): (Phase, AgentAddress, Isolation),
) {
    let read = log.read(log.start, log.end(), isolation, phase == Phase::AfterCompaction);
    let back = Readback {
        began: recording.lately(),
        partition: numbered(index),
        agent,
        phase,
        isolation,
        log_start: offset(log.start),
        records: read.records,
        markers: read.markers,
        high_watermark: offset(log.end()),
        stable: offset(log.stable()),
    };
    recording.record(0, EventKind::Readback(back));
}
