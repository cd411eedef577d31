//! The bounded reader that every decoder uses.

use bytes::Bytes;
use uuid::Uuid;

use super::DecodeError;

/// Memory that the arrays of one message may take, in bytes. Without it, a frame of 100 MiB could hold 50 million empty
/// strings, which take 25 times as much memory as bytes on the wire. 64 MiB is enough for over half a million
/// partitions in one request.
pub const ARRAY_BYTES_MAX: usize = 64 << 20;

/// Memory reserved for an array before its elements are read, in bytes. Beyond it the array grows as elements are read.
const ARRAY_RESERVE_BYTES_MAX: usize = 16 << 10;

/// Bytes of the longest encoding of an unsigned 32-bit varint.
const VARINT_BYTES_MAX: u32 = 5;

/// Reads one frame from front to back, never beyond its end. Byte fields are slices that share the frame's memory.
#[derive(Debug)]
pub struct Reader {
    frame: Bytes,
    position: usize,
    /// Limit of reading: the frame's end, or the end of the tagged field being read.
    end: usize,
    array_bytes_left: usize,
}

impl Reader {
    /// A reader at the start of `frame`.
    pub fn new(frame: Bytes) -> Self {
        let end = frame.len();
        Self { frame, position: 0, end, array_bytes_left: ARRAY_BYTES_MAX }
    }

    /// Bytes left.
    pub fn remaining(&self) -> usize {
        self.end - self.position
    }

    /// Ends reading. Unread bytes are an error.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            bytes => Err(DecodeError::TrailingBytes(bytes)),
        }
    }

    /// The next 8-bit integer.
    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    /// The next 16-bit integer.
    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    /// The next 32-bit integer.
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// The next 64-bit integer.
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// The next UUID: 16 bytes.
    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        Ok(Uuid::from_bytes(self.array()?))
    }

    /// The next unsigned varint: seven bits per byte, the lowest first. Like Kafka, accepts forms that are longer than
    /// necessary, up to five bytes.
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u32;
        for index in 0..VARINT_BYTES_MAX {
            let [byte] = self.array()?;
            let bits = u32::from(byte & 0x7f);
            if index == VARINT_BYTES_MAX - 1 && byte > 0x0f {
                return Err(DecodeError::VarintTooLong);
            }
            value |= bits << (7 * index);
            if byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }

    /// The next `length` bytes, as a slice of the frame.
    pub fn bytes(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        let start = self.position;
        self.advance(length)?;
        Ok(self.frame.slice(start..self.position))
    }

    /// The next `length` bytes, as text.
    pub fn string(&mut self, length: usize) -> Result<String, DecodeError> {
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| DecodeError::NotUtf8)?;
        Ok(text.to_owned())
    }

    /// Reads `length` elements. The claimed length is checked against the bytes left, at least one per element, and
    /// memory is allocated as elements are read.
    pub(crate) fn elements<T>(
        &mut self,
        length: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let left = self.remaining();
        if length > left {
            return Err(DecodeError::ArrayTooLong { claimed: length, left });
        }
        let element_bytes = size_of::<T>().max(1);
        self.array_bytes_left = length
            .checked_mul(element_bytes)
            .and_then(|bytes| self.array_bytes_left.checked_sub(bytes))
            .ok_or(DecodeError::ArraysTooLarge)?;
        let mut elements = Vec::with_capacity(length.min(ARRAY_RESERVE_BYTES_MAX / element_bytes));
        for _ in 0..length {
            elements.push(element(self)?);
        }
        Ok(elements)
    }

    /// Reads a section of tagged fields. `known` reads the tags it knows and returns false for others, which are
    /// skipped.
    pub(crate) fn tagged_fields(
        &mut self,
        mut known: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        for _ in 0..self.unsigned_varint()? {
            let tag = self.unsigned_varint()?;
            let size = self.unsigned_varint()? as usize;
            let start = self.position;
            let outer_end = self.end;
            self.advance(size)?;
            let field_end = std::mem::replace(&mut self.position, start);
            self.end = field_end;
            let is_known = known(self, tag)?;
            if is_known && self.position != field_end {
                return Err(DecodeError::TaggedFieldSize { tag });
            }
            self.position = field_end;
            self.end = outer_end;
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let needed = DecodeError::Truncated { needed: N, left: self.remaining() };
        self.take(N)?.first_chunk().copied().ok_or(needed)
    }

    fn take(&mut self, length: usize) -> Result<&[u8], DecodeError> {
        let start = self.position;
        self.advance(length)?;
        let left = self.end - start;
        self.frame.get(start..self.position).ok_or(DecodeError::Truncated { needed: length, left })
    }

    fn advance(&mut self, length: usize) -> Result<(), DecodeError> {
        let left = self.remaining();
        if length > left {
            return Err(DecodeError::Truncated { needed: length, left });
        }
        self.position += length;
        Ok(())
    }
}
