//! What one agent can request from another: whole segments, and blocks of history files. Nothing else under the store's
//! prefix has a block name.

use std::fmt;
use std::ops::Range;

use alluvium_model::topic::check_name;
use alluvium_model::{ObjectId, Offset, PartitionIndex, TopicId, TopicPartition, limits, object_key};
use alluvium_segment::Footer;
use thiserror::Error;
use uuid::Uuid;

/// Adjacent blocks of a history file that have one owner and are loaded by one GET: an ownership range of 16 MiB.
/// Beyond it a second GET in parallel is faster.
pub const OWNERSHIP_RANGE_BLOCKS: u64 = 4;
/// Segments larger than this are not served to other agents: four times the usual size. Only a huge batch makes one.
pub const SEGMENT_BYTES_SERVED_MAX: usize = 4 * limits::SEGMENT_BYTES_MAX;

/// Bytes of one object that an agent can request from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlockName {
    object: ObjectId,
    key: String,
    part: BlockPart,
}

/// Which bytes of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BlockPart {
    /// All bytes of a segment.
    Whole,
    /// Bytes of a history file, from the start of a block to the end of a block or of the file, in one ownership range.
    Range(Range<u64>),
}

/// Why a request names no block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidBlock {
    /// The key is not that of a segment or a history file, written exactly as we write it.
    #[error("{0:?} is not the key of a segment or of a history file")]
    Key(String),
    /// A range of a segment, or a whole history file.
    #[error("segments are served whole, and history files in ranges")]
    Part,
    /// The range does not consist of blocks of one ownership range.
    #[error("{0:?} is not a range of blocks of one ownership range")]
    Range(Range<u64>),
}

impl BlockName {
    /// The name of a whole segment.
    #[must_use]
    pub fn segment(object: ObjectId) -> Self {
        Self { object, key: object_key::segment(object), part: BlockPart::Whole }
    }

    /// The name of the bytes `range` of a history file; see [`BlockPart::Range`].
    ///
    /// # Errors
    /// If the range does not consist of blocks of one ownership range.
    pub fn history(object: ObjectId, key: &str, range: Range<u64>) -> Result<Self, InvalidBlock> {
        let block = limits::CACHE_BLOCK_BYTES;
        let ownership_range = OWNERSHIP_RANGE_BLOCKS * block;
        let is_aligned = range.start.is_multiple_of(block) && range.start < range.end;
        if !is_aligned || (range.end - 1) / ownership_range != range.start / ownership_range {
            return Err(InvalidBlock::Range(range));
        }
        Ok(Self { object, key: key.to_owned(), part: BlockPart::Range(range) })
    }

    /// Parses what another agent requests. Accepts only keys that are written exactly as ours are.
    ///
    /// # Errors
    /// If the key and the range name no block.
    pub fn parse(key: &str, range: Option<Range<u64>>) -> Result<Self, InvalidBlock> {
        let invalid = || InvalidBlock::Key(key.to_owned());
        let object = object_key::parse(key).ok_or_else(invalid)?;
        let is_segment = key == object_key::segment(object);
        if !is_segment && history_key(key, object).is_none_or(|written| written != key) {
            return Err(invalid());
        }
        match range {
            None if is_segment => Ok(Self::segment(object)),
            Some(range) if !is_segment => Self::history(object, key, range),
            None | Some(_) => Err(InvalidBlock::Part),
        }
    }

    /// The object that the block is part of.
    #[must_use]
    pub fn object(&self) -> ObjectId {
        self.object
    }

    /// The object's key, relative to the store's prefix.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Which bytes of the object.
    #[must_use]
    pub fn part(&self) -> &BlockPart {
        &self.part
    }

    /// Bytes of an answer at most.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        match &self.part {
            BlockPart::Whole => SEGMENT_BYTES_SERVED_MAX,
            BlockPart::Range(range) => usize::try_from(range.end - range.start).unwrap_or(usize::MAX),
        }
    }

    /// Checks whether `bytes` can be cached as this block. The checksums of a segment are verified here. Of a history
    /// file only the length is checked; its checksums are verified when it is decoded.
    ///
    /// # Errors
    /// Says what is wrong with the bytes.
    pub fn check(&self, bytes: &[u8]) -> Result<(), String> {
        match &self.part {
            BlockPart::Whole => {
                let footer = Footer::verify_whole(bytes).map_err(|error| error.to_string())?;
                let is_same = footer.created == self.object.created() && footer.writer == self.object.writer();
                if is_same { Ok(()) } else { Err("it is another segment".to_owned()) }
            }
            BlockPart::Range(range) if range.end - range.start == bytes.len() as u64 => Ok(()),
            BlockPart::Range(range) => Err(format!("{} bytes for {range:?}", bytes.len())),
        }
    }
}

impl fmt::Display for BlockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            BlockPart::Whole => f.write_str(&self.key),
            BlockPart::Range(range) => write!(f, "{} {range:?}", self.key),
        }
    }
}

/// The key of a history file as we write it, from the parts of `key`.
fn history_key(key: &str, object: ObjectId) -> Option<String> {
    let mut parts = key.strip_prefix(object_key::HISTORY)?.split('/');
    let topic_name = parts.next().filter(|name| check_name(name).is_ok())?;
    let topic = TopicId(Uuid::parse_str(parts.next()?).ok()?);
    let file_or_directory = parts.next()?;
    let Some(name) = parts.next() else { return Some(object_key::history(topic_name, topic, object)) };
    let partition = PartitionIndex(file_or_directory.strip_prefix("partition=")?.parse().ok()?);
    let start = Offset(name.split_once('-')?.0.parse().ok()?);
    Some(object_key::history_v1(topic_name, TopicPartition::new(topic, partition), start, object))
}
