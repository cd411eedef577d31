//! Segments to history files: one job, several partitions.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alluvium_history::compute;
use alluvium_metastore::leases::{Lease, LeaseKey};
use alluvium_metastore::log::Log;
use alluvium_model::{Extent, ExtentSource, TopicPartition, object_key};
use alluvium_objects::Objects;
use alluvium_runtime::{Clock, Rng};
use bytes::Bytes;
use futures::future::join_all;
use futures::{StreamExt, stream};

use super::schedule::{Read, schedule};
use super::strand::{Output, Strand};
use crate::Report;
use crate::error::RewriteError;
use crate::held_leases::HeldLeases;
use crate::plan::{Job, Work};

/// Segments fetched ahead of the one being decoded: hides their latency, for a few times 8 MiB.
const READ_AHEAD: usize = 4;

/// Does jobs.
#[derive(Clone)]
pub(crate) struct Rewriter {
    pub(crate) log: Log,
    pub(crate) known: alluvium_metastore::objects::Objects,
    pub(crate) leases: Arc<HeldLeases>,
    pub(crate) objects: Objects,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) settings: Settings,
}

/// Numbers that a rewriter obeys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Who writes: part of the names of its outputs.
    pub(crate) writer: u32,
    pub(crate) file_bytes_target: u64,
    pub(crate) retire_grace: Duration,
    /// An output that is not swapped in this long after it was begun is given up.
    pub(crate) output_age_max: Duration,
}

/// What a job did, and inputs that it could not read.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) report: Report,
    pub(crate) broken: Vec<(TopicPartition, Extent)>,
}

/// One rewrite of a job: growing, or given up.
type Growing = Result<Strand, Failed>;

/// A rewrite that was given up, and the input that was at fault, where one was.
pub(super) struct Failed {
    pub(super) error: RewriteError,
    pub(super) input: Option<Box<Extent>>,
}

/// A run for one of the rewrites, or why it could not be read.
struct Fetched {
    work: usize,
    extent: Extent,
    run: Result<Bytes, alluvium_objects::Error>,
}

impl Rewriter {
    /// Does `job`, as far as its partitions can be leased. What fails is reported, and can be planned again.
    pub(crate) async fn run(&self, job: Job) -> Done {
        let mut done = Done::default();
        let works = match &job {
            Job::Rewrite(works) => works.as_slice(),
            Job::Merge(work) => std::slice::from_ref(work),
        };
        let keys: Vec<LeaseKey> = works.iter().map(|work| LeaseKey::Partition(work.partition)).collect();
        let leases = match self.leases.acquire(&keys).await {
            Ok(leases) => leases,
            Err(error) => {
                done.report.fail("leasing partitions", &error);
                return done;
            }
        };
        done.report.leases_refused = leases.iter().map(|lease| u64::from(lease.is_none())).sum();
        let leased =
            |works: Vec<Work>| works.into_iter().zip(&leases).filter_map(|(work, lease)| Some((work, lease.clone()?)));
        match job {
            Job::Rewrite(works) => {
                let (works, leases): (Vec<_>, Vec<_>) = leased(works).unzip();
                self.rewrite(&works, &leases, &mut done).await;
            }
            Job::Merge(work) => {
                for (work, lease) in leased(vec![work]) {
                    self.merge(&work, &lease, &mut done).await;
                }
            }
        }
        self.leases.release(&leases.into_iter().flatten().collect::<Vec<_>>()).await;
        done
    }

    async fn rewrite(&self, works: &[Work], leases: &[Lease], done: &mut Done) {
        let strands = self.grow(works).await;
        for ((work, lease), strand) in works.iter().zip(leases).zip(strands) {
            self.complete(work, lease, strand, done).await;
        }
    }

    /// Publishes what has grown, or reports why it did not.
    pub(super) async fn complete(&self, work: &Work, lease: &Lease, strand: Growing, done: &mut Done) {
        let output = match strand {
            Ok(strand) => finish(strand).await,
            Err(failed) => Err(failed),
        };
        match output {
            Ok(None) => {}
            Ok(Some(output)) => self.publish(work, lease, output, &mut done.report).await,
            Err(Failed { error, input }) => {
                let broken = input.filter(|_| error.is_of_input());
                done.broken.extend(broken.map(|extent| (work.partition, *extent)));
                done.report.fail(&format!("rewriting {} {}", work.topic, work.partition), &error);
            }
        }
    }

    /// Reads the segments, each once for all of `works`.
    async fn grow(&self, works: &[Work]) -> Vec<Growing> {
        let mut strands: Vec<Growing> = works.iter().map(|work| self.strand(work)).collect();
        let closed: Vec<AtomicBool> = works.iter().map(|_| AtomicBool::new(false)).collect();
        let fetches = schedule(works).into_iter().map(|read| self.fetch(works, &closed, read));
        let mut fetches = stream::iter(fetches).buffered(READ_AHEAD);
        while let Some(fetched) = fetches.next().await {
            strands = match compute(move || add(strands, fetched)).await {
                Ok(strands) => strands,
                Err(stopped) => return vec![Err(Failed { error: stopped.into(), input: None })],
            };
            for (closed, strand) in closed.iter().zip(&strands) {
                closed.store(is_closed(strand), Ordering::Relaxed);
            }
        }
        strands
    }

    pub(super) fn strand(&self, work: &Work) -> Growing {
        let strand = Strand::new(work, self.settings.file_bytes_target);
        strand.map_err(|error| Failed { error: error.into(), input: None })
    }

    /// The runs of one segment, but those that nobody needs any more.
    async fn fetch(&self, works: &[Work], closed: &[AtomicBool], read: Read) -> Vec<Fetched> {
        let open = read.inputs.into_iter().filter(|(work, _)| !closed[*work].load(Ordering::Relaxed));
        let inputs: Vec<(usize, Extent)> =
            open.map(|(work, input)| (work, works[work].inputs[input].clone())).collect();
        let key = object_key::segment(read.object);
        let ranges: Vec<_> = inputs.iter().map(|(_, extent)| position(extent)).collect();
        let runs = match self.objects.get_ranges(&key, &ranges).await {
            Ok(runs) => runs.into_iter().map(Ok).collect(),
            Err(error) if error.is_retryable() || ranges.len() == 1 => vec![Err(error); ranges.len()],
            // One bad range must not spoil the others.
            Err(_) => join_all(ranges.iter().map(|range| self.objects.get_range(&key, range.clone()))).await,
        };
        inputs.into_iter().zip(runs).map(|((work, extent), run)| Fetched { work, extent, run }).collect()
    }
}

fn position(extent: &Extent) -> Range<u64> {
    match &extent.source {
        ExtentSource::Segment { position, .. } => position.clone(),
        ExtentSource::History { .. } => 0..0,
    }
}

fn is_closed(strand: &Growing) -> bool {
    strand.as_ref().map_or(true, Strand::is_full)
}

/// Adds runs to their strands.
fn add(strands: Vec<Growing>, fetched: Vec<Fetched>) -> Vec<Growing> {
    let mut strands: Vec<Option<Growing>> = strands.into_iter().map(Some).collect();
    for Fetched { work, extent, run } in fetched {
        let Some(slot) = strands.get_mut(work) else { continue };
        *slot = slot.take().map(|strand| if is_closed(&strand) { strand } else { take(strand, extent, run) });
    }
    strands.into_iter().flatten().collect()
}

fn take(strand: Growing, extent: Extent, run: Result<Bytes, alluvium_objects::Error>) -> Growing {
    let mut strand = strand?;
    let taken = run.map_err(RewriteError::from).and_then(|run| strand.take_run(&extent, run));
    match taken {
        Ok(()) => Ok(strand),
        Err(error) => Err(Failed { error, input: Some(Box::new(extent)) }),
    }
}

async fn finish(strand: Strand) -> Result<Option<Output>, Failed> {
    let finished = compute(move || strand.finish().map_err(RewriteError::from)).await;
    finished.unwrap_or_else(|stopped| Err(stopped.into())).map_err(|error| Failed { error, input: None })
}
