//! Finishes the file of one compaction or of several: CPU work, off the async threads.

use alluvium_history::FinishedFile;

use super::error::{BuildFailure, RewriteError};
use super::file_builder::{BuilderResult, Built, BuiltFile, FileBuilder};

/// What became of compactions whose outputs become one file.
#[derive(Default)]
pub(super) struct BuiltTogether {
    /// `None` if no input was added.
    pub(super) file: Option<FinishedFile>,
    /// Of each compaction, in order.
    pub(super) parts: Vec<BuiltPart>,
}

/// What became of one of them.
#[derive(Default)]
pub(super) struct BuiltPart {
    /// How many of its inputs the file replaces, from the first.
    pub(super) inputs: usize,
    pub(super) failure: Option<BuildFailure>,
}

/// Finishes the file of `builders`, whose partitions rise if there are several. One that fails does not keep the others
/// from being written.
pub(super) fn finish_together(builders: Vec<BuilderResult>) -> BuiltTogether {
    let is_single = builders.len() == 1;
    let (mut parts, mut usable) = (Vec::with_capacity(builders.len()), Vec::new());
    for (at, builder) in builders.into_iter().enumerate() {
        let checked = builder.and_then(|mut builder| {
            let collected = if is_single { (0, None) } else { builder.check_collected()? };
            Ok((builder, collected))
        });
        parts.push(match checked {
            Ok((builder, (inputs, failure))) => {
                usable.extend((is_single || inputs > 0).then_some((at, builder)));
                BuiltPart { inputs, failure }
            }
            Err(failure) => BuiltPart { inputs: 0, failure: Some(failure) },
        });
    }
    let file = if usable.len() > 1 { write_shared(usable, &mut parts) } else { write_own(usable.pop(), &mut parts) };
    BuiltTogether { file, parts }
}

/// The file of one partition.
fn write_own(builder: Option<(usize, FileBuilder)>, parts: &mut [BuiltPart]) -> Option<FinishedFile> {
    let (at, builder) = builder?;
    let Built { file, failure } = builder.finish();
    let missing = parts[at].failure.take();
    let (file, inputs) = match file {
        Some(BuiltFile { file, inputs }) => (Some(file), inputs),
        None => (None, 0),
    };
    parts[at] = BuiltPart { inputs, failure: failure.or(missing) };
    file
}

/// A shared file. If it cannot be written, nothing of any partition is.
fn write_shared(builders: Vec<(usize, FileBuilder)>, parts: &mut [BuiltPart]) -> Option<FinishedFile> {
    let first = builders.first().map_or(0, |(at, _)| *at);
    let write = || -> Result<Option<FinishedFile>, RewriteError> {
        let mut written = None;
        for (_, builder) in builders {
            written = Some(builder.write_shared(written)?);
        }
        Ok(match written {
            Some((writer, end)) => Some(writer.finish(end)?),
            None => None,
        })
    };
    write().unwrap_or_else(|error| {
        parts.iter_mut().for_each(|part| part.inputs = 0);
        parts[first].failure = Some(BuildFailure { error, input: None });
        None
    })
}
