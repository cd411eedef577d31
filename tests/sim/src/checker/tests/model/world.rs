//! The run: who takes the next step, and the recording of all events.

use std::time::Duration;

use alluvium_model::{Offset, TopicPartition};
use alluvium_runtime::{Rng, SeededRng};

use super::{
    super::history_builder::{TOPIC, partition},
    groups::Group,
    log::{Log, offset},
    producers::{Kind, Producer},
    readers::Reader,
};
use crate::history::{Actor, Admin, Event, EventKind, History, Isolation, Outcome, Retention};

pub const PARTITIONS: usize = 3;

/// The history in the making, and the source of random decisions.
pub struct Recording {
    pub history: History,
    pub now: Duration,
    rng: SeededRng,
    names: u64,
}

impl Recording {
    pub fn record(&mut self, actor: u32, what: EventKind) {
        self.now += Duration::from_micros(10 + self.below(1_000));
        self.history.push(Event { at: self.now, actor: Actor(actor), what });
    }

    pub fn below(&self, bound: usize) -> u64 {
        self.rng.next_u64() % u64::try_from(bound.max(1)).unwrap()
    }

    pub fn count(&self, bound: usize) -> usize {
        usize::try_from(self.below(bound)).unwrap()
    }

    pub fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A number that is unique in the history.
    pub fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    /// When an operation began that ends now: after all recorded events, or overlapping with some of them.
    pub fn lately(&self) -> Duration {
        let overlap = if self.chance(50) { self.below(3_000) } else { 0 };
        (self.now + Duration::from_micros(5)).saturating_sub(Duration::from_micros(overlap))
    }
}

/// The system and its clients.
pub struct World {
    pub recording: Recording,
    pub logs: Vec<Log>,
    producers: Vec<Producer>,
    readers: Vec<Reader>,
    group: Group,
}

/// A history of `steps` steps, without a fault of the system.
pub fn random_history(seed: u64, steps: usize) -> History {
    let recording = Recording { history: History::default(), now: Duration::ZERO, rng: SeededRng::new(seed), names: 0 };
    let kinds = [Kind::Idempotent, Kind::Plain, Kind::Transactional, Kind::Idempotent, Kind::Transactional];
    let producers = (1u32..).zip(kinds).map(|(actor, kind)| Producer::new(actor, kind)).collect();
    let readers = (10u32..14)
        .zip([Isolation::ReadUncommitted, Isolation::ReadCommitted].into_iter().cycle())
        .map(|(actor, isolation)| Reader::new(actor, isolation))
        .collect();
    let mut world =
        World { recording, logs: vec![Log::default(); PARTITIONS], producers, readers, group: Group::new() };
    world.recording.record(
        9,
        EventKind::Admin(Admin::TopicCreated {
            began: Duration::ZERO,
            topic: TOPIC,
            name: "t".to_owned(),
            partitions: i32::try_from(PARTITIONS).unwrap(),
            retention: Retention::Forever,
        }),
    );
    for _ in 0..steps {
        world.step();
    }
    world.finish();
    world.recording.history
}

pub fn numbered(index: usize) -> TopicPartition {
    partition(i32::try_from(index).unwrap())
}

impl World {
    fn step(&mut self) {
        match self.recording.below(100) {
            0..=54 => {
                let place = self.recording.count(self.producers.len());
                self.producers[place].step(&mut self.recording, &mut self.logs);
            }
            55..=84 => {
                let place = self.recording.count(self.readers.len());
                self.readers[place].step(&mut self.recording, &self.logs);
            }
            85..=97 => self.group.step(&mut self.recording),
            _ => self.delete_records(),
        }
    }

    fn delete_records(&mut self) {
        let index = self.recording.count(PARTITIONS);
        let log = &mut self.logs[index];
        let before = log.start + usize::try_from(self.recording.below(4)).unwrap();
        if before > log.stable() {
            return;
        }
        let began = self.recording.lately();
        let outcome = match self.recording.below(4) {
            0 => Outcome::Refused,
            1 => Outcome::Unknown,
            _ => Outcome::Done,
        };
        if outcome == Outcome::Done || (outcome == Outcome::Unknown && self.recording.chance(50)) {
            log.start = before;
        }
        let everything = outcome == Outcome::Done && before == log.end() && self.recording.chance(50);
        let requested: Option<Offset> = (!everything).then_some(offset(before));
        let log_start = (outcome == Outcome::Done).then_some(offset(before));
        let partition = numbered(index);
        let deleted = Admin::RecordsDeleted { began, partition, before: requested, outcome, log_start };
        self.recording.record(9, EventKind::Admin(deleted));
    }

    fn finish(&mut self) {
        for producer in &mut self.producers {
            producer.finish(&mut self.recording, &mut self.logs);
        }
        super::final_check::record(&mut self.recording, &self.logs);
    }
}
