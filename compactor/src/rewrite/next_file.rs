//! Finishes the files of a job, one after the other: CPU work, off the async threads.

use std::collections::VecDeque;

use alluvium_history::FinishedFile;

use super::error::{BuildFailure, RewriteError};
use super::file_builder::{BuilderResult, Built};
use super::shared_file::SharedFile;
use crate::plan::Sharing;

/// A file, and what became of the compactions that it was to be made of.
#[derive(Default)]
pub(super) struct NextFile {
    /// `None` if no input of any of them was added.
    pub(super) file: Option<FinishedFile>,
    /// Of each compaction, in order.
    pub(super) parts: Vec<BuiltPart>,
}

/// What became of one compaction.
#[derive(Default)]
pub(super) struct BuiltPart {
    /// How many of its inputs the file replaces, from the first.
    pub(super) inputs: usize,
    pub(super) failure: Option<BuildFailure>,
}

/// Takes the builders of the next file from the front of `waiting`, and finishes it: one that gets a file of its own, or
/// those of small partitions, as many as share it until it is full. One that fails does not keep the others from being
/// written.
pub(super) fn next_file(waiting: &mut VecDeque<BuilderResult>, sharing: Sharing) -> NextFile {
    let mut parts = Vec::new();
    let mut shared: Option<SharedFile> = None;
    while let Some(next) = waiting.pop_front() {
        let next = next.and_then(|mut builder| Ok((builder.small_part(sharing)?, builder)));
        let (small, builder) = match next {
            Ok(next) => next,
            Err(failure) => {
                parts.push(BuiltPart { inputs: 0, failure: Some(failure) });
                continue;
            }
        };
        let joins = |file: &SharedFile| small.is_some_and(|part| sharing.joins(&file.written(), &part));
        if !builder.is_empty() && !shared.as_ref().is_none_or(joins) {
            waiting.push_front(Ok(builder));
            break;
        }
        let Some(part) = small else {
            let Built { file, inputs, failure } = builder.finish();
            parts.push(BuiltPart { inputs, failure });
            if file.is_some() {
                return NextFile { file, parts };
            }
            continue;
        };
        match builder.write_shared(shared.take(), &part) {
            Ok((file, failure)) => {
                parts.push(BuiltPart { inputs: part.inputs, failure });
                shared = Some(file);
            }
            Err(error) => {
                parts.push(BuiltPart::default());
                return unwritten(parts, error);
            }
        }
    }
    match shared.map(SharedFile::finish).transpose() {
        Ok(file) => NextFile { file, parts },
        Err(error) => unwritten(parts, error.into()),
    }
}

/// Nothing of any partition, as the file cannot be written.
fn unwritten(mut parts: Vec<BuiltPart>, error: RewriteError) -> NextFile {
    parts.iter_mut().for_each(|part| part.inputs = 0);
    if let Some(last) = parts.last_mut() {
        last.failure = Some(BuildFailure { error, input: None });
    }
    NextFile { file: None, parts }
}
