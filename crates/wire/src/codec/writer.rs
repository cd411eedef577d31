//! The writer that every encoder uses: builds a buffer chain, so that large byte fields are not copied.

use bytes::{Bytes, BytesMut};

/// Byte fields shorter than this are copied into the writer's own buffer: a separate part of a vectored write costs
/// more than the copy.
const SPLICE_BYTES_MIN: usize = 1024;

/// Writes one frame as a buffer chain. Small fields go to one buffer; large byte fields are spliced in by reference and
/// never copied.
#[derive(Debug, Default)]
pub struct Writer {
    buffer: BytesMut,
    /// Byte fields by reference, each with the position in `buffer` before which it belongs, in ascending order.
    splices: Vec<(usize, Bytes)>,
    spliced_bytes: usize,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.buffer.len() + self.spliced_bytes
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a copy of `bytes`.
    pub fn put(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Appends `bytes`: a copy if they are short, else by reference.
    pub fn put_bytes(&mut self, bytes: &Bytes) {
        if bytes.len() < SPLICE_BYTES_MIN {
            self.put(bytes);
        } else {
            self.spliced_bytes += bytes.len();
            self.splices.push((self.buffer.len(), bytes.clone()));
        }
    }

    /// Appends an unsigned varint: seven bits per byte, the lowest first.
    pub fn put_unsigned_varint(&mut self, value: u32) {
        let mut rest = value;
        while rest >= 0x80 {
            self.put(&[(rest & 0x7f) as u8 | 0x80]);
            rest >>= 7;
        }
        self.put(&[rest as u8]);
    }

    /// Appends another writer's frame; its spliced parts stay references.
    pub fn append(&mut self, other: Self) {
        let base = self.buffer.len();
        self.buffer.extend_from_slice(&other.buffer);
        self.splices.extend(other.splices.into_iter().map(|(position, bytes)| (base + position, bytes)));
        self.spliced_bytes += other.spliced_bytes;
    }

    /// The parts to write, in order; none is empty.
    pub fn into_parts(self) -> Vec<Bytes> {
        let mut rest = self.buffer.freeze();
        let mut parts = Vec::with_capacity(2 * self.splices.len() + 1);
        let mut split = 0;
        for (position, bytes) in self.splices {
            let before = rest.split_to(position - split);
            split = position;
            if !before.is_empty() {
                parts.push(before);
            }
            parts.push(bytes);
        }
        if !rest.is_empty() {
            parts.push(rest);
        }
        parts
    }

    /// The frame as one buffer: a copy if there are spliced parts. For tests, and where speed does not matter.
    pub fn into_bytes(self) -> Bytes {
        if self.splices.is_empty() {
            return self.buffer.freeze();
        }
        let mut whole = BytesMut::with_capacity(self.len());
        for part in self.into_parts() {
            whole.extend_from_slice(&part);
        }
        whole.freeze()
    }
}
