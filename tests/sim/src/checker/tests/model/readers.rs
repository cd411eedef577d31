//! Consumers: each continues at its position, and seeks now and then; agents lag behind the log.

use super::{
    log::{Log, offset},
    world::{PARTITIONS, Recording, numbered},
};
use crate::history::{AgentAddress, EventKind, Isolation, Poll, Position, Source};

pub struct Reader {
    actor: u32,
    isolation: Isolation,
    stands: [Option<usize>; PARTITIONS],
}

impl Reader {
    pub fn new(actor: u32, isolation: Isolation) -> Self {
        Self { actor, isolation, stands: [None; PARTITIONS] }
    }

    pub fn step(&mut self, recording: &mut Recording, logs: &[Log]) {
        let index = recording.count(PARTITIONS);
        let log = &logs[index];
        let place = self.stands[index].filter(|at| *at >= log.start && !recording.chance(3));
        let at = place.unwrap_or_else(|| self.position(recording, log, index));
        let began = recording.lately();
        let isolation = self.isolation;
        let count = recording.count(12);
        let read = log.read(at, count, isolation, false);
        self.stands[index] = Some(read.next);
        recording.record(
            self.actor,
            EventKind::Polled(Poll {
                began,
                partition: numbered(index),
                from: offset(at),
                next: offset(read.next),
                records: read.records,
                markers: read.markers,
                isolation,
                agent: AgentAddress::from("agent-0"),
                source: Some(Source::Segment),
                high_watermark: offset(log.end()),
                stable: offset(log.stable()),
                log_start: offset(log.start),
            }),
        );
    }

    fn position(&self, recording: &mut Recording, log: &Log, index: usize) -> usize {
        let end = if self.isolation == Isolation::ReadCommitted { log.stable() } else { log.end() };
        let to = log.start + recording.count(end.saturating_sub(log.start) + 1);
        recording.record(self.actor, EventKind::Positioned(Position { partition: numbered(index), to: offset(to) }));
        to
    }
}
