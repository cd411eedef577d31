//! The stamp at the start of each record's value, from which a consumer knows the record's identity and due time.
//!
//! ```text
//! | magic: 4 | producer: 4 | sequence: 8 | intended, ns since the run began: 8 | run: 8 | filler ... |      big-endian
//! ```

/// Bytes of the stamp, and of the smallest value of a load's records.
pub const STAMP_BYTES: usize = 32;
const MAGIC: [u8; 4] = *b"alvm";

/// The identity of one record of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Number of the producer that sent the record.
    pub producer: u32,
    /// Number of the record among the producer's records to this partition, from 0.
    pub sequence: u64,
    /// Due time in nanoseconds since the run began: not when it was sent, so that a stalled sender counts as latency.
    pub intended_ns: u64,
    /// Random number of the run, by which records of other runs in the topic are ignored.
    pub run: u64,
}

impl Stamp {
    /// Writes the stamp over the first [`STAMP_BYTES`] of `value`, which must be at least as long.
    pub fn write(&self, value: &mut [u8]) {
        let (stamp, _) = value.split_at_mut(STAMP_BYTES);
        stamp[..4].copy_from_slice(&MAGIC);
        stamp[4..8].copy_from_slice(&self.producer.to_be_bytes());
        stamp[8..16].copy_from_slice(&self.sequence.to_be_bytes());
        stamp[16..24].copy_from_slice(&self.intended_ns.to_be_bytes());
        stamp[24..].copy_from_slice(&self.run.to_be_bytes());
    }

    /// The stamp at the start of `value`; `None` if there is none.
    pub fn read(value: &[u8]) -> Option<Self> {
        let (magic, rest) = value.split_first_chunk::<4>()?;
        let (producer, rest) = rest.split_first_chunk()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (intended, rest) = rest.split_first_chunk()?;
        let (run, _) = rest.split_first_chunk()?;
        (*magic == MAGIC).then(|| Self {
            producer: u32::from_be_bytes(*producer),
            sequence: u64::from_be_bytes(*sequence),
            intended_ns: u64::from_be_bytes(*intended),
            run: u64::from_be_bytes(*run),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back_and_foreign_values_are_not_stamps() {
        let stamp = Stamp { producer: 3, sequence: 1 << 40, intended_ns: 123_456_789, run: 42 };
        let mut value = vec![7; 100];
        stamp.write(&mut value);
        assert_eq!(Stamp::read(&value), Some(stamp));
        assert_eq!(Stamp::read(&[0; 100]), None);
        assert_eq!(Stamp::read(&value[..31]), None);
    }
}
