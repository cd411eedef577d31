//! The swap: compaction replaces extents of a partition by others that cover the same offsets.

use std::ops::Range;

use thiserror::Error;

use super::Head;
use crate::{Extent, Offset, limits};

/// Why a swap can never be made as requested.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidSwap {
    /// There are no inputs or no outputs.
    #[error("a swap needs inputs and outputs")]
    Empty,
    /// There are more extents than one transaction can swap.
    #[error(
        "a swap of {inputs} extents by {outputs} exceeds {} by {}",
        limits::SWAP_INPUTS_MAX,
        limits::SWAP_OUTPUTS_MAX
    )]
    TooLarge {
        /// Number of extents to replace.
        inputs: usize,
        /// Number of extents to replace them by.
        outputs: usize,
    },
    /// Extents do not follow each other end to end, or one is empty.
    #[error("extents do not lie end to end at offset {at}")]
    Broken {
        /// The offset at which the next extent should have begun.
        at: Offset,
    },
    /// Inputs and outputs cover different offsets.
    #[error("inputs cover offsets {} to {}, outputs {} to {}", inputs.start, inputs.end, outputs.start, outputs.end)]
    Different {
        /// The offsets that the inputs cover.
        inputs: Range<Offset>,
        /// The offsets that the outputs cover.
        outputs: Range<Offset>,
    },
    /// The inputs hold records of transactions that are neither committed nor aborted yet.
    #[error("inputs reach to offset {end}, past the stable offset {stable}")]
    Unstable {
        /// The end offset of the inputs.
        end: Offset,
        /// The last stable offset.
        stable: Offset,
    },
}

/// The offsets that `extents` cover; they must lie end to end.
pub fn covered<'a>(extents: impl IntoIterator<Item = &'a Extent>) -> Result<Range<Offset>, InvalidSwap> {
    let mut covered: Option<Range<Offset>> = None;
    for Extent { offsets, .. } in extents {
        let start = covered.as_ref().map_or(offsets.start, |covered| covered.end);
        if offsets.start != start || offsets.is_empty() {
            return Err(InvalidSwap::Broken { at: start });
        }
        covered = Some(covered.map_or(offsets.start, |covered| covered.start)..offsets.end);
    }
    covered.ok_or(InvalidSwap::Empty)
}

/// The result of a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swapped {
    /// Number of outputs, from the first, that lie below the log start altogether. (An input can reach below it.) They
    /// are not linked, because no trim would unlink them.
    pub below: usize,
    /// Number of inputs, from the first, that lie below the log start altogether: a trim has unlinked them.
    pub trimmed: usize,
    /// Bytes of the inputs that are not trimmed less those of the linked outputs: by how much the log shrinks.
    pub removed: i64,
}

/// Decides the swap of `inputs`, which the caller knows to be current but for those that are trimmed, for `outputs`. The last stable offset of `head`
/// may be one of an earlier time, since it never falls.
pub fn swap(head: Head, inputs: &[Extent], outputs: &[Extent]) -> Result<Swapped, InvalidSwap> {
    if inputs.len() > limits::SWAP_INPUTS_MAX || outputs.len() > limits::SWAP_OUTPUTS_MAX {
        return Err(InvalidSwap::TooLarge { inputs: inputs.len(), outputs: outputs.len() });
    }
    let offsets = covered(inputs)?;
    let replaced = covered(outputs)?;
    if offsets != replaced {
        return Err(InvalidSwap::Different { inputs: offsets, outputs: replaced });
    }
    if offsets.end > head.stable {
        return Err(InvalidSwap::Unstable { end: offsets.end, stable: head.stable });
    }
    let (below, trimmed) = (below_start(head, outputs), below_start(head, inputs));
    let (current, linked) = (inputs.get(trimmed..), outputs.get(below..));
    let bytes = |extents: Option<&[Extent]>| total_bytes(extents.unwrap_or_default());
    let removed = bytes(current).wrapping_sub(bytes(linked)).cast_signed();
    Ok(Swapped { below, trimmed, removed })
}

/// How many of `extents`, from the first, lie below the log start altogether.
fn below_start(head: Head, extents: &[Extent]) -> usize {
    extents.iter().take_while(|extent| extent.offsets.end <= head.start).count()
}

fn total_bytes(extents: &[Extent]) -> u64 {
    extents.iter().fold(0, |sum, extent| sum.saturating_add(extent.bytes))
}
