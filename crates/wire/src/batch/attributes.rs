//! The two attribute bytes of a batch.

use super::{BatchError, Compression};

/// Who set the timestamps of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// The producer set each record's timestamp.
    #[default]
    CreateTime,
    /// The log set them on append: every record's timestamp is the batch's max timestamp.
    LogAppendTime,
}

/// The attributes of a batch; unknown bits are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

impl Attributes {
    const CODEC: i16 = 0b111;
    const APPEND_TIME: i16 = 1 << 3;
    const TRANSACTIONAL: i16 = 1 << 4;
    const CONTROL: i16 = 1 << 5;

    /// Attributes of a plain batch compressed by `compression`.
    #[must_use]
    pub fn new(compression: Compression) -> Self {
        Self(compression as i16)
    }

    /// The codec; an error if Kafka does not define the number.
    pub fn compression(self) -> Result<Compression, BatchError> {
        let codec = self.0 & Self::CODEC;
        Compression::ALL.into_iter().find(|known| *known as i16 == codec).ok_or(BatchError::UnknownCodec(codec))
    }

    /// Who set the timestamps.
    #[must_use]
    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & Self::APPEND_TIME == 0 { TimestampType::CreateTime } else { TimestampType::LogAppendTime }
    }

    /// Whether the batch belongs to a transaction.
    #[must_use]
    pub fn is_transactional(self) -> bool {
        self.0 & Self::TRANSACTIONAL != 0
    }

    /// Whether it is a control batch (a transaction's marker), which clients may not produce.
    #[must_use]
    pub fn is_control(self) -> bool {
        self.0 & Self::CONTROL != 0
    }

    /// These attributes with timestamps set by the log.
    #[must_use]
    pub fn with_log_append_time(self) -> Self {
        Self(self.0 | Self::APPEND_TIME)
    }

    /// These attributes as part of a transaction.
    #[must_use]
    pub fn with_transactional(self) -> Self {
        Self(self.0 | Self::TRANSACTIONAL)
    }

    /// These attributes as a control batch.
    #[must_use]
    pub fn with_control(self) -> Self {
        Self(self.0 | Self::CONTROL)
    }
}
