//! Record data on its way out: several pieces that the peer sees as one field.

use bytes::Bytes;

/// The records field of a Fetch response: re-based batch headers and untouched batch bodies, in order, each by
/// reference.
#[derive(Debug, Clone, Default, Eq)]
pub struct Records(Vec<Bytes>);

impl Records {
    pub fn new(parts: Vec<Bytes>) -> Self {
        Self(parts)
    }

    /// How many bytes the records take on the wire.
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    pub fn parts(&self) -> &[Bytes] {
        &self.0
    }

    pub fn into_parts(self) -> Vec<Bytes> {
        self.0
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Self(vec![bytes])
    }
}

impl From<Vec<Bytes>> for Records {
    fn from(parts: Vec<Bytes>) -> Self {
        Self(parts)
    }
}

/// Equal bytes are equal records, however they are cut.
impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.0.iter().flatten().eq(other.0.iter().flatten())
    }
}
