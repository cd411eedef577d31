//! Row primitives. All numbers big-endian; the first byte of a row is its version.
//!
//! ```text
//! varint:   | n: 1 (0 to 8) | the n low bytes of the number |
//! text:     | length: varint | UTF-8 |
//! optional: | 0: 1 | if it is absent, | 1: 1 | the value | if it is present
//! ```

use super::error::{RowError, RowProblem};

/// A row under construction.
#[derive(Debug)]
pub struct RowWriter(Vec<u8>);

impl RowWriter {
    /// A row that begins with its `version`.
    #[must_use]
    pub fn new(version: u8) -> Self {
        Self::part().u8(version)
    }

    /// A part of a row, which has no version of its own.
    #[must_use]
    pub fn part() -> Self {
        Self(Vec::with_capacity(64))
    }

    /// Appends bytes as they are.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends 1 byte.
    #[must_use]
    pub fn u8(self, value: u8) -> Self {
        self.raw(&[value])
    }

    /// Appends 2 bytes.
    #[must_use]
    pub fn i16(self, value: i16) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends 4 bytes.
    #[must_use]
    pub fn u32(self, value: u32) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends 4 bytes.
    #[must_use]
    pub fn i32(self, value: i32) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends 8 bytes.
    #[must_use]
    pub fn u64(self, value: u64) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends 8 bytes.
    #[must_use]
    pub fn i64(self, value: i64) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends 1 to 9 bytes.
    #[must_use]
    pub fn varint(self, value: u64) -> Self {
        let bytes = value.to_be_bytes();
        let low = bytes.iter().position(|byte| *byte != 0).map_or(&[][..], |first| bytes.split_at(first).1);
        self.u8(u8::try_from(low.len()).expect("a u64 has eight bytes")).raw(low)
    }

    /// Appends the number of items that follow.
    #[must_use]
    pub fn count(self, count: usize) -> Self {
        self.varint(count as u64)
    }

    /// Appends a length and bytes.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        self.count(bytes.len()).raw(bytes)
    }

    /// Appends a length and text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Appends a byte that says whether there is a value, and the value, which `put` appends.
    #[must_use]
    pub fn optional<T: ?Sized>(self, value: Option<&T>, put: impl Fn(Self, &T) -> Self) -> Self {
        match value {
            Some(value) => put(self.u8(1), value),
            None => self.u8(0),
        }
    }

    /// Number of bytes appended so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was appended yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of the row.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// A row being read. Every read is checked against the bytes that are left.
#[derive(Debug)]
pub struct RowReader<'a> {
    row: &'static str,
    left: &'a [u8],
}

impl<'a> RowReader<'a> {
    /// Reads a value of the kind `row` (a name for errors), which must be of `version`.
    pub fn new(row: &'static str, bytes: &'a [u8], version: u8) -> Result<Self, RowError> {
        let mut reader = Self::part(row, bytes);
        match reader.u8()? {
            found if found == version => Ok(reader),
            found => Err(reader.error(RowProblem::UnknownVersion(found))),
        }
    }

    /// Reads a value as [`Self::new`] does: what `fields` reads is all of it.
    pub fn whole<T>(
        row: &'static str,
        bytes: &'a [u8],
        version: u8,
        fields: impl FnOnce(&mut Self) -> Result<T, RowError>,
    ) -> Result<T, RowError> {
        let mut reader = Self::new(row, bytes, version)?;
        let value = fields(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    /// Reads bytes that have no version: a key, or a part of a row. `row` names them in errors.
    #[must_use]
    pub fn part(row: &'static str, bytes: &'a [u8]) -> Self {
        Self { row, left: bytes }
    }

    /// The error that this row has `problem`.
    #[must_use]
    pub fn error(&self, problem: RowProblem) -> RowError {
        RowError { row: self.row, problem }
    }

    /// The error that `what` in this row cannot be as it is.
    #[must_use]
    pub fn malformed(&self, what: &'static str) -> RowError {
        self.error(RowProblem::Malformed(what))
    }

    /// Reads `len` bytes as they are.
    pub fn raw(&mut self, len: usize) -> Result<&'a [u8], RowError> {
        let (bytes, left) = self.left.split_at_checked(len).ok_or(self.error(RowProblem::Short))?;
        self.left = left;
        Ok(bytes)
    }

    /// Reads `N` bytes as they are.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RowError> {
        let (bytes, left) = self.left.split_first_chunk().ok_or(self.error(RowProblem::Short))?;
        self.left = left;
        Ok(*bytes)
    }

    /// Reads 1 byte.
    pub fn u8(&mut self) -> Result<u8, RowError> {
        self.array().map(u8::from_be_bytes)
    }

    /// Reads 2 bytes.
    pub fn i16(&mut self) -> Result<i16, RowError> {
        self.array().map(i16::from_be_bytes)
    }

    /// Reads 4 bytes.
    pub fn u32(&mut self) -> Result<u32, RowError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads 4 bytes.
    pub fn i32(&mut self) -> Result<i32, RowError> {
        self.array().map(i32::from_be_bytes)
    }

    /// Reads 8 bytes.
    pub fn u64(&mut self) -> Result<u64, RowError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Reads 8 bytes.
    pub fn i64(&mut self) -> Result<i64, RowError> {
        self.array().map(i64::from_be_bytes)
    }

    /// Reads 1 to 9 bytes, written in the shortest form.
    pub fn varint(&mut self) -> Result<u64, RowError> {
        let len = usize::from(self.u8()?);
        let mut number = [0; 8];
        let low = number.len().checked_sub(len).and_then(|zeros| number.get_mut(zeros..));
        let low = low.ok_or(self.malformed("varint length"))?;
        low.copy_from_slice(self.raw(len)?);
        if low.first() == Some(&0) { Err(self.malformed("varint padding")) } else { Ok(u64::from_be_bytes(number)) }
    }

    /// Reads the number of items that follow, each of which takes at least `each` (1 or more) bytes. A number of items
    /// for which too few bytes are left is an error, so that nothing is allocated for it.
    pub fn count(&mut self, each: usize) -> Result<usize, RowError> {
        let count = usize::try_from(self.varint()?).ok();
        let fits = |count: &usize| count.checked_mul(each).is_some_and(|bytes| bytes <= self.left.len());
        count.filter(fits).ok_or(self.error(RowProblem::Short))
    }

    /// Reads a length and bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], RowError> {
        let len = self.count(1)?;
        self.raw(len)
    }

    /// Reads a length and text.
    pub fn text(&mut self) -> Result<String, RowError> {
        let bytes = self.bytes()?;
        String::from_utf8(bytes.to_vec()).map_err(|_| self.malformed("text is not UTF-8"))
    }

    /// Reads a byte that is 0 (false) or 1 (true).
    pub fn flag(&mut self) -> Result<bool, RowError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.malformed("flag")),
        }
    }

    /// Reads what [`RowWriter::optional`] appended, the value by `read`.
    pub fn optional<T>(&mut self, read: impl Fn(&mut Self) -> Result<T, RowError>) -> Result<Option<T>, RowError> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    /// Number of bytes left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left.len()
    }

    /// Ends the reading: bytes that are left are an error.
    pub fn finish(self) -> Result<(), RowError> {
        if self.left.is_empty() { Ok(()) } else { Err(self.error(RowProblem::Long)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn varints_are_a_length_and_the_shortest_big_endian_bytes() {
        let varint = |value| RowWriter::part().varint(value).finish();
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(255), [1, 255]);
        assert_eq!(varint(256), [2, 1, 0]);
        assert_eq!(varint(u64::MAX), [8, 255, 255, 255, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn varints_in_another_form_are_refused() {
        for bytes in [&[9, 1, 1, 1, 1, 1, 1, 1, 1, 1][..], &[2, 0, 1], &[255], &[2, 1], &[]] {
            assert!(RowReader::part("test", bytes).varint().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_count_that_the_row_has_no_room_for_is_refused_before_anything_is_allocated() {
        let row = RowWriter::part().varint(u64::MAX / 4).finish();
        assert!(RowReader::part("test", &row).count(16).is_err());
        let row = RowWriter::part().count(2).raw(&[0; 31]).finish();
        assert!(RowReader::part("test", &row).count(16).is_err());
    }

    proptest! {
        #[test]
        fn every_primitive_survives(a: u64, b: i64, c: u32, d: i16, text: String, bytes: Vec<u8>) {
            let row = RowWriter::new(1).varint(a).i64(b).u32(c).i16(d).text(&text).bytes(&bytes).finish();
            let mut row = RowReader::new("test", &row, 1).unwrap();
            prop_assert_eq!((row.varint(), row.i64(), row.u32(), row.i16()), (Ok(a), Ok(b), Ok(c), Ok(d)));
            prop_assert_eq!((row.text(), row.bytes()), (Ok(text), Ok(&bytes[..])));
            prop_assert_eq!(row.finish(), Ok(()));
        }
    }
}
