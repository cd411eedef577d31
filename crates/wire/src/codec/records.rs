//! The records field of a response: several buffers that the peer receives as one field.

use bytes::Bytes;

/// The records field of a Fetch response: re-based batch headers and unchanged batch bodies, in order, each by
/// reference.
#[derive(Debug, Clone, Default, Eq)]
pub struct RecordsField(Vec<Bytes>);

impl RecordsField {
    /// Records whose bytes are the concatenation of `parts`.
    pub fn new(parts: Vec<Bytes>) -> Self {
        Self(parts)
    }

    /// Bytes of the records on the wire.
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    /// The parts, in order.
    pub fn parts(&self) -> &[Bytes] {
        &self.0
    }

    /// The parts, in order.
    pub fn into_parts(self) -> Vec<Bytes> {
        self.0
    }
}

impl From<Bytes> for RecordsField {
    fn from(bytes: Bytes) -> Self {
        Self(vec![bytes])
    }
}

impl From<Vec<Bytes>> for RecordsField {
    fn from(parts: Vec<Bytes>) -> Self {
        Self(parts)
    }
}

/// Records are equal if their bytes are equal, however they are split into parts.
impl PartialEq for RecordsField {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.0.iter().flatten().eq(other.0.iter().flatten())
    }
}
