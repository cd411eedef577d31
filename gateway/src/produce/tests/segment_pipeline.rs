//! The write path's state machine under any order of events.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use alluvium_model::{PartitionIndex, TopicId, TopicPartition};
use alluvium_wire::batch::Batch;
use proptest::prelude::*;
use tokio::time::Instant;

use crate::produce::flush_budget::FlushBudget;
use crate::produce::open_segment::{AppendId, AppendReply, SealReason, SegmentLimits};
use crate::produce::segment_pipeline::{Effect, PipelineLimits, SealedSegment, SegmentPipeline};
use crate::produce::sequence::producer_of;
use crate::produce::{PartitionAppend, ProduceError};
use crate::tests::world::batch as plain_batch;
use crate::tests::world::sequenced as sequenced_batch;

/// An upload after which the commit begins.
fn uploaded(pipeline: &mut SegmentPipeline<u64>, number: u64, outcome: Result<u64, ProduceError>, now: Instant) {
    let outcome = outcome.map(|uploaded| pipeline.committable_from_now(number, uploaded));
    pipeline.upload_ended(number, outcome, now);
}

const LINGER: Duration = Duration::from_millis(250);

fn partition(index: i32) -> TopicPartition {
    TopicPartition::new(TopicId::default(), PartitionIndex(index))
}

fn limits() -> PipelineLimits {
    PipelineLimits {
        segment: SegmentLimits { bytes_max: 400, partitions_max: 3, rows_max: 14, batches_max: 4 },
        uploads_in_flight_max: 2,
        commit_rows_max: 20,
        commit_batches_max: 6,
        commit_segments_max: 3,
    }
}

fn append(partition: TopicPartition, batch: Batch) -> Vec<PartitionAppend> {
    vec![PartitionAppend { partition, batch, transactional: None }]
}

fn uploads(effects: Vec<Effect<u64>>) -> Vec<SealedSegment> {
    let upload = |effect| match effect {
        Effect::Upload(segment) => Some(segment),
        Effect::Commit(_) | Effect::Fail(..) | Effect::ReadWindow(_) => None,
    };
    effects.into_iter().filter_map(upload).collect()
}

#[test]
fn an_idle_pipeline_flushes_at_once_and_a_busy_one_once_per_linger() {
    let now = Instant::now();
    let mut pipeline: SegmentPipeline<u64> = SegmentPipeline::new(limits(), FlushBudget::new(LINGER, 1, now));
    assert_eq!(pipeline.flush_at(now), None);
    pipeline.join(AppendId(0), append(partition(0), plain_batch(&["a"])), now);
    let sealed = uploads(pipeline.advance(now));
    assert_eq!(sealed.iter().map(|segment| segment.reason).collect::<Vec<_>>(), [SealReason::Flush]);
    pipeline.join(AppendId(1), append(partition(0), plain_batch(&["b"])), now);
    assert!(uploads(pipeline.advance(now)).is_empty());
    assert_eq!(pipeline.flush_at(now), Some(now + LINGER));
    pipeline.join(AppendId(2), append(partition(0), plain_batch(&["c"])), now);
    let later = uploads(pipeline.advance(now + LINGER));
    assert_eq!(later.len(), 1);
    assert_eq!(later[0].contents.batches, 2);
}

#[test]
fn a_full_segment_waits_for_no_token() {
    let now = Instant::now();
    let mut pipeline: SegmentPipeline<u64> = SegmentPipeline::new(limits(), FlushBudget::new(LINGER, 1, now));
    pipeline.join(AppendId(0), append(partition(0), plain_batch(&["spends the token"])), now);
    assert_eq!(uploads(pipeline.advance(now)).len(), 1);
    for n in 1..=3 {
        pipeline.join(AppendId(n), append(partition(0), plain_batch(&["x".repeat(100).as_str()])), now);
    }
    let sealed = uploads(pipeline.advance(now));
    assert_eq!(sealed.iter().map(|segment| segment.reason).collect::<Vec<_>>(), [SealReason::Bytes]);
}

#[test]
fn a_batch_larger_than_a_segment_gets_a_segment_of_its_own() {
    let now = Instant::now();
    let mut pipeline: SegmentPipeline<u64> = SegmentPipeline::new(limits(), FlushBudget::new(LINGER, 2, now));
    let large = "x".repeat(2_000);
    pipeline.join(AppendId(0), append(partition(0), plain_batch(&["small"])), now);
    pipeline.join(AppendId(1), append(partition(0), plain_batch(&[&large])), now);
    let sealed = uploads(pipeline.advance(now));
    assert_eq!(sealed.iter().map(|segment| segment.contents.batches).collect::<Vec<_>>(), [1, 1]);
}

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    Append {
        partition: i32,
        producer: Option<i64>,
        value_bytes: usize,
    },
    Wait {
        ms: u64,
    },
    /// A segment may be committed while it is uploaded.
    Encoded {
        which: usize,
    },
    UploadEnds {
        which: usize,
        fails: bool,
    },
    CommitEnds {
        fails: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_i32..5, prop::option::of(0_i64..3), 1_usize..300)
            .prop_map(|(partition, producer, value_bytes)| Step::Append { partition, producer, value_bytes }),
        1 => (0_u64..400).prop_map(|ms| Step::Wait { ms }),
        3 => (0_usize..4, prop::bool::weighted(0.2)).prop_map(|(which, fails)| Step::UploadEnds { which, fails }),
        2 => (0_usize..4).prop_map(|which| Step::Encoded { which }),
        2 => prop::bool::weighted(0.1).prop_map(|fails| Step::CommitEnds { fails }),
    ]
}

/// The pipeline with scripted stores, and what is known of every batch.
struct Model {
    pipeline: SegmentPipeline<u64>,
    now: Instant,
    /// Batches in the order in which they were appended.
    sent: Vec<(AppendReply, TopicPartition, Option<i64>)>,
    uploading: Vec<(u64, Vec<AppendReply>)>,
    /// Segments that may be committed before their upload ends.
    early: HashSet<u64>,
    /// Segments whose upload failed after their commit had begun.
    doomed: HashSet<u64>,
    committing: Option<Vec<(u64, Vec<AppendReply>)>>,
    contents: HashMap<u64, Vec<AppendReply>>,
    committed: Vec<AppendReply>,
    failed: HashSet<AppendReply>,
    last_commit: Option<u64>,
    next_sequence: BTreeMap<(i32, i64), i32>,
}

impl Model {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            pipeline: SegmentPipeline::new(limits(), FlushBudget::new(LINGER, 2, now)),
            now,
            sent: Vec::new(),
            uploading: Vec::new(),
            early: HashSet::new(),
            doomed: HashSet::new(),
            committing: None,
            contents: HashMap::new(),
            committed: Vec::new(),
            failed: HashSet::new(),
            last_commit: None,
            next_sequence: BTreeMap::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Append { partition: index, producer, value_bytes } => {
                let id = AppendId(self.sent.len() as u64);
                let value = "v".repeat(*value_bytes);
                let batch = match producer {
                    None => plain_batch(&[&value]),
                    Some(producer) => {
                        let sequence = self.next_sequence.entry((*index, *producer)).or_default();
                        *sequence += 1;
                        sequenced_batch(*producer, *sequence - 1, &[&value])
                    }
                };
                self.sent.push((AppendReply { append: id, index: 0 }, partition(*index), *producer));
                self.pipeline.join(id, append(partition(*index), batch), self.now);
            }
            Step::Wait { ms } => self.now += Duration::from_millis(*ms),
            Step::UploadEnds { which, fails } if !self.uploading.is_empty() => {
                let (number, _) = self.uploading.remove(which % self.uploading.len());
                self.end_upload(number, *fails);
            }
            Step::Encoded { which } if !self.uploading.is_empty() => {
                let (number, _) = self.uploading[which % self.uploading.len()];
                if self.early.insert(number) {
                    self.pipeline.committable_from_now(number, number);
                }
            }
            Step::CommitEnds { fails } => {
                let waits = |(number, _): &(u64, _)| self.uploading.iter().any(|(uploading, _)| uploading == number);
                if let Some(segments) = self.committing.take_if(|segments| *fails || !segments.iter().any(waits)) {
                    let is_doomed = segments.iter().any(|(number, _)| self.doomed.contains(number));
                    self.end_commit(segments, *fails || is_doomed);
                }
            }
            Step::UploadEnds { .. } | Step::Encoded { .. } => {}
        }
        self.perform();
    }

    fn end_upload(&mut self, number: u64, fails: bool) {
        if !fails && !self.early.contains(&number) {
            self.pipeline.committable_from_now(number, number);
        }
        let is_committing = self.committing.iter().flatten().any(|(committing, _)| *committing == number);
        if fails && is_committing {
            self.doomed.insert(number);
        }
        let failure = || Err(ProduceError::Upload("injected".to_owned()));
        self.pipeline.upload_ended(number, if fails { failure() } else { Ok(()) }, self.now);
    }

    fn end_commit(&mut self, segments: Vec<(u64, Vec<AppendReply>)>, fails: bool) {
        let replies: Vec<AppendReply> = segments.into_iter().flat_map(|(_, replies)| replies).collect();
        if fails {
            self.failed.extend(replies);
            self.pipeline.committed(0, Err(ProduceError::Commit("injected".to_owned())), self.now);
        } else {
            self.committed.extend(replies);
            self.pipeline.committed(usize::MAX, Ok(()), self.now);
        }
    }

    fn perform(&mut self) {
        for effect in self.pipeline.advance(self.now) {
            match effect {
                Effect::Upload(segment) => {
                    assert!(segment.contents.batches > 0 && segment.contents.batches <= 4);
                    assert!(segment.contents.runs.len() <= 3 && segment.contents.rows() <= 14);
                    assert!(segment.contents.bytes <= 400 || segment.contents.batches == 1);
                    let replies: Vec<AppendReply> = segment.contents.replies().collect();
                    self.contents.insert(segment.number, replies.clone());
                    self.uploading.push((segment.number, replies));
                    assert!(self.uploading.len() <= 2, "too many uploads at once");
                }
                Effect::Commit(parts) => {
                    assert!(self.committing.is_none(), "two commits at once");
                    assert!(!parts.is_empty() && parts.len() <= 3);
                    let batches: usize = parts.iter().map(|part| part.replies.len()).sum();
                    assert!(batches <= 6 || parts.len() == 1);
                    for part in &parts {
                        assert!(self.last_commit.is_none_or(|last| last < part.uploaded), "out of seal order");
                        assert_eq!(self.contents[&part.uploaded], part.replies);
                        self.last_commit = Some(part.uploaded);
                    }
                    self.committing = Some(parts.into_iter().map(|part| (part.uploaded, part.replies)).collect());
                }
                Effect::ReadWindow(_) => {}
                Effect::Fail(replies, error) => {
                    assert!(error.is_retryable());
                    assert!(replies.iter().all(|reply| self.failed.insert(*reply)), "answered twice");
                }
            }
        }
    }

    /// Lets everything that is on its way succeed.
    fn finish(&mut self) {
        self.pipeline.drain();
        self.perform();
        while !self.pipeline.is_empty() {
            if self.uploading.is_empty() {
                self.take(&Step::CommitEnds { fails: false });
            } else {
                self.take(&Step::UploadEnds { which: 0, fails: false });
            }
        }
    }
}

proptest! {
    #[test]
    fn every_batch_is_answered_once_and_order_is_kept(steps in prop::collection::vec(step(), 0..120)) {
        let mut model = Model::new();
        for step in &steps {
            model.take(step);
        }
        model.finish();
        let committed: HashSet<AppendReply> = model.committed.iter().copied().collect();
        prop_assert_eq!(committed.len(), model.committed.len());
        prop_assert!(committed.is_disjoint(&model.failed));
        prop_assert_eq!(committed.len() + model.failed.len(), model.sent.len());
        let order: HashMap<AppendReply, usize> = model.committed.iter().copied().zip(0..).collect();
        for index in 0..5 {
            let of: Vec<_> = model.sent.iter().filter(|(_, of, _)| *of == partition(index)).collect();
            let places: Vec<usize> = of.iter().filter_map(|(reply, _, _)| order.get(reply).copied()).collect();
            prop_assert!(places.is_sorted(), "a partition's batches are committed in the order of appends");
        }
    }

    #[test]
    fn what_follows_a_failed_batch_of_its_producer_in_the_pipeline_fails_with_it(
        appends in prop::collection::vec((0_i32..2, 0_i64..2), 2..30),
        which in 0_usize..2,
    ) {
        let mut model = Model::new();
        for (partition, producer) in appends {
            model.take(&Step::Append { partition, producer: Some(producer), value_bytes: 150 });
        }
        model.take(&Step::UploadEnds { which, fails: true });
        let mut broken: HashSet<(TopicPartition, i64)> = HashSet::new();
        for (reply, partition, producer) in &model.sent {
            let key = (*partition, producer.expect("all have one"));
            if model.failed.contains(reply) {
                broken.insert(key);
            } else {
                prop_assert!(!broken.contains(&key), "{reply:?} would overtake what its producer sent before");
            }
        }
    }
}

fn commits(effects: Vec<Effect<u64>>) -> Vec<Vec<AppendReply>> {
    let commit = |effect| match effect {
        Effect::Commit(parts) => Some(parts.into_iter().flat_map(|part| part.replies).collect()),
        Effect::Upload(_) | Effect::Fail(..) | Effect::ReadWindow(_) => None,
    };
    effects.into_iter().filter_map(commit).collect()
}

#[test]
fn later_batches_of_a_producer_are_rejected_until_the_failed_one_is_sent_again() {
    let now = Instant::now();
    let mut pipeline: SegmentPipeline<u64> = SegmentPipeline::new(limits(), FlushBudget::new(LINGER, 9, now));
    let send = |pipeline: &mut SegmentPipeline<u64>, id: u64, sequence: i32| {
        pipeline.join(AppendId(id), append(partition(0), sequenced_batch(7, sequence, &["v"])), now);
        pipeline.advance(now)
    };
    let first = uploads(send(&mut pipeline, 0, 0)).remove(0);
    uploaded(&mut pipeline, first.number, Err(ProduceError::Upload("injected".to_owned())), now);
    pipeline.advance(now);
    // It was in the socket while the first one failed.
    let effects = send(&mut pipeline, 1, 1);
    assert!(matches!(&effects[..], [Effect::Fail(_, ProduceError::Gap), Effect::ReadWindow(_)]), "{effects:?}");
    for (id, sequence) in [(2, 0), (3, 1)] {
        let segment = uploads(send(&mut pipeline, id, sequence)).remove(0);
        uploaded(&mut pipeline, segment.number, Ok(segment.number), now);
        assert_eq!(commits(pipeline.advance(now)), [[AppendReply { append: AppendId(id), index: 0 }]]);
        pipeline.committed(1, Ok(()), now);
    }
}

#[test]
fn after_a_commit_that_failed_halfway_only_the_rest_is_sent_again() {
    let now = Instant::now();
    let mut pipeline: SegmentPipeline<u64> = SegmentPipeline::new(limits(), FlushBudget::new(LINGER, 9, now));
    let mut numbers = Vec::new();
    for producer in [7, 8] {
        let batch = sequenced_batch(producer, 0, &["v"]);
        pipeline.join(AppendId(numbers.len() as u64), append(partition(0), batch), now);
        numbers.extend(uploads(pipeline.advance(now)).iter().map(|segment| segment.number));
    }
    // The second first, so that both are committed at once.
    for number in numbers.into_iter().rev() {
        uploaded(&mut pipeline, number, Ok(number), now);
    }
    assert_eq!(commits(pipeline.advance(now)).len(), 1);
    pipeline.committed(1, Err(ProduceError::Commit("injected".to_owned())), now);
    let mut goes_on = |producer: i64, sequence: i32| {
        pipeline.join(AppendId(9), append(partition(0), sequenced_batch(producer, sequence, &["v"])), now);
        !pipeline.advance(now).iter().any(|effect| matches!(effect, Effect::Fail(..)))
    };
    assert!(goes_on(7, 1), "its first batch is in the log");
    assert!(!goes_on(8, 1), "its first batch is not");
}

#[test]
fn sequences_are_counted_per_partition_and_producer() {
    assert_eq!(producer_of(partition(1), &plain_batch(&["x"])), None);
    let batch = sequenced_batch(3, 0, &["x"]);
    assert_ne!(producer_of(partition(1), &batch), producer_of(partition(2), &batch));
}
