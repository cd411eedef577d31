//! What one agent can ask another for: whole segments, and blocks of history files. Nothing else under the store's prefix
//! has a name here.

use std::fmt;
use std::ops::Range;

use alluvium_model::topic::check_name;
use alluvium_model::{ObjectId, Offset, PartitionIndex, TopicId, TopicPartition, limits, object_key};
use alluvium_segment::Footer;
use thiserror::Error;
use uuid::Uuid;

/// Neighbouring blocks of a history file that have one owner and are loaded by one GET: 16 MiB, beyond which a second GET
/// in parallel is faster.
pub const OWNERSHIP_RANGE_BLOCKS: u64 = 4;
/// Segments larger than this are not passed on: four times the usual size. Only a huge batch makes one.
pub const SEGMENT_BYTES_SERVED_MAX: usize = 4 * limits::SEGMENT_BYTES_MAX;

/// Bytes of one object that go from agent to agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlockName {
    object: ObjectId,
    key: String,
    part: Part,
}

/// Which bytes of the object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// All of it: a segment.
    Whole,
    /// Of a history file: from the start of a block to the end of one or of the file, all in one stretch.
    Range(Range<u64>),
}

/// Why something names no block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidBlock {
    /// No key of ours, or not as we write it.
    #[error("{0:?} is not the key of a segment or of a history file")]
    Key(String),
    /// Segments have no parts, history files nothing but.
    #[error("segments are passed on whole, and history files in ranges")]
    Part,
    /// Not blocks, or not of one stretch.
    #[error("{0:?} is not a range of blocks of one stretch")]
    Range(Range<u64>),
}

impl BlockName {
    /// A segment.
    #[must_use]
    pub fn segment(object: ObjectId) -> Self {
        Self { object, key: object_key::segment(object), part: Part::Whole }
    }

    /// The bytes `range` of a history file, for what is [`Part::Range`].
    ///
    /// # Errors
    /// Where the range is none of blocks of one stretch.
    pub fn history(object: ObjectId, key: &str, range: Range<u64>) -> Result<Self, InvalidBlock> {
        let block = limits::CACHE_BLOCK_BYTES;
        let stretch = OWNERSHIP_RANGE_BLOCKS * block;
        let is_aligned = range.start.is_multiple_of(block) && range.start < range.end;
        if !is_aligned || (range.end - 1) / stretch != range.start / stretch {
            return Err(InvalidBlock::Range(range));
        }
        Ok(Self { object, key: key.to_owned(), part: Part::Range(range) })
    }

    /// What another agent asked for. Only keys that are written exactly as ours are, are taken.
    ///
    /// # Errors
    /// Where it names no block.
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

    /// The object.
    #[must_use]
    pub fn object(&self) -> ObjectId {
        self.object
    }

    /// Where it is, relative to the store's prefix.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Which bytes of it.
    #[must_use]
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// Bytes that an answer has at most.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        match &self.part {
            Part::Whole => SEGMENT_BYTES_SERVED_MAX,
            Part::Range(range) => usize::try_from(range.end - range.start).unwrap_or(usize::MAX),
        }
    }

    /// Whether `bytes` can be kept as this block. A segment proves itself by its checksums; of a history file the length is
    /// looked at here, and the checksums by who decodes it.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn check(&self, bytes: &[u8]) -> Result<(), String> {
        match &self.part {
            Part::Whole => {
                let footer = Footer::verify_whole(bytes).map_err(|error| error.to_string())?;
                let is_it = footer.created == self.object.created() && footer.writer == self.object.writer();
                if is_it { Ok(()) } else { Err("it is another segment".to_owned()) }
            }
            Part::Range(range) if range.end - range.start == bytes.len() as u64 => Ok(()),
            Part::Range(range) => Err(format!("{} bytes for {range:?}", bytes.len())),
        }
    }
}

impl fmt::Display for BlockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Part::Whole => f.write_str(&self.key),
            Part::Range(range) => write!(f, "{} {range:?}", self.key),
        }
    }
}

/// The key of a history file as we write it, out of what `key` says.
fn history_key(key: &str, object: ObjectId) -> Option<String> {
    let mut parts = key.strip_prefix(object_key::HISTORY)?.split('/');
    let topic_name = parts.next().filter(|name| check_name(name).is_ok())?;
    let topic = TopicId(Uuid::parse_str(parts.next()?).ok()?);
    let partition = PartitionIndex(parts.next()?.strip_prefix("partition=")?.parse().ok()?);
    let (start, _) = parts.next()?.split_once('-')?;
    let start = Offset(start.parse().ok()?);
    Some(object_key::history(topic_name, TopicPartition::new(topic, partition), start, object))
}
