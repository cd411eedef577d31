//! A group: generations, owners, offsets, and members that do not know the last change yet.

use alluvium_model::Offset;

use super::world::{PARTITIONS, Recording, numbered};
use crate::history::{CommitOffset, EventKind, FetchOffset, Heartbeat, Join, Leave, LeaveReason, Outcome};

const MEMBERS: [u32; 2] = [20, 21];

pub struct Group {
    generation: i32,
    /// What each member believes: its generation and its partitions.
    believed: [(i32, Vec<usize>); 2],
    offsets: [Option<Offset>; PARTITIONS],
}

impl Group {
    pub fn new() -> Self {
        Self { generation: 0, believed: [(0, Vec::new()), (0, Vec::new())], offsets: [None; PARTITIONS] }
    }

    pub fn step(&mut self, recording: &mut Recording) {
        let who = recording.count(MEMBERS.len());
        match recording.below(10) {
            _ if self.generation == 0 => self.rebalance(recording),
            0 => self.rebalance(recording),
            1..=3 => self.heartbeat(recording, who),
            4..=7 => self.commit(recording, who),
            _ => self.fetch(recording, who),
        }
    }

    /// A new generation: some members get it at once, others later.
    fn rebalance(&mut self, recording: &mut Recording) {
        self.generation += 1;
        let cut = recording.count(PARTITIONS + 1);
        let shares: [Vec<usize>; 2] = [(0..cut).collect(), (cut..PARTITIONS).collect()];
        let began = recording.lately();
        let late = recording.count(3);
        for (who, share) in shares.into_iter().enumerate().filter(|(who, _)| *who != late) {
            let (generation, _) = self.believed[who];
            if generation > 0 {
                recording.record(
                    MEMBERS[who],
                    EventKind::Left(Leave {
                        group: "g".to_owned(),
                        generation,
                        member: name(who),
                        reason: LeaveReason::Revoked,
                    }),
                );
            }
            let assignment = share.iter().copied().map(numbered).collect();
            let (group, member, generation) = ("g".to_owned(), name(who), self.generation);
            recording.record(
                MEMBERS[who],
                EventKind::Joined(Join { began, group, generation, member, instance: None, assignment }),
            );
            self.believed[who] = (self.generation, share);
        }
    }

    fn heartbeat(&self, recording: &mut Recording, who: usize) {
        let (generation, _) = self.believed[who];
        let outcome = if generation == self.generation { Outcome::Done } else { Outcome::Refused };
        let (began, group, member) = (recording.lately(), "g".to_owned(), name(who));
        recording.record(MEMBERS[who], EventKind::Heartbeat(Heartbeat { began, group, generation, member, outcome }));
    }

    fn commit(&mut self, recording: &mut Recording, who: usize) {
        let (generation, partitions) = self.believed[who].clone();
        for index in partitions {
            let offset =
                Offset(self.offsets[index].map_or(0, |offset| offset.0) + i64::try_from(recording.below(3)).unwrap());
            let outcome = match recording.below(10) {
                _ if generation != self.generation => Outcome::Refused,
                0 => Outcome::Unknown,
                _ => Outcome::Done,
            };
            if outcome == Outcome::Done || (outcome == Outcome::Unknown && recording.chance(50)) {
                self.offsets[index] = Some(offset);
            }
            let commit = CommitOffset {
                began: recording.lately(),
                group: "g".to_owned(),
                generation: Some(generation),
                member: name(who),
                partition: numbered(index),
                offset: Some(offset),
                txn: None,
                consumed_from: None,
                outcome,
            };
            recording.record(MEMBERS[who], EventKind::CommittedOffset(commit));
        }
    }

    fn fetch(&self, recording: &mut Recording, who: usize) {
        let index = recording.count(PARTITIONS);
        let (began, group, offset) = (recording.lately(), "g".to_owned(), self.offsets[index]);
        let fetch = FetchOffset { began, group, partition: numbered(index), offset };
        recording.record(MEMBERS[who], EventKind::FetchedOffset(fetch));
    }
}

fn name(who: usize) -> String {
    format!("m{}", MEMBERS[who])
}
