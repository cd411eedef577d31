//! One record, borrowed from the decompressed bytes of its batch.
//!
//! ```text
//! | length: varint | attributes: 1 | timestamp delta: varlong | offset delta: varint
//! | key length: varint, -1 null | key | value length: varint, -1 null | value
//! | headers: varint | each: name length: varint | name | value length: varint, -1 null | value |
//! ```

use super::varint::{take_i32, take_i64};

/// One record of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The offset minus the batch's base offset, as stored.
    pub offset_delta: i32,
    /// The record's offset.
    pub offset: i64,
    /// The record's timestamp, ms; the append time if the log set it.
    pub timestamp: i64,
    /// The record's key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// The record's value; `None` is null.
    pub value: Option<&'a [u8]>,
    /// The record's headers, in order, duplicates kept.
    pub headers: Headers<'a>,
}

/// One header of a record: its name, and its value or null.
pub type Header<'a> = (&'a [u8], Option<&'a [u8]>);

/// An iterator over the headers of a record, which were validated before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        self.count = self.count.checked_sub(1)?;
        take_header(&mut self.bytes)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for Headers<'_> {}

/// A record as stored: deltas instead of an offset and a timestamp.
pub(super) struct RawRecord<'a> {
    pub(super) offset_delta: i32,
    pub(super) timestamp_delta: i64,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: Headers<'a>,
}

impl<'a> RawRecord<'a> {
    /// The record at the start of `bytes`, which moves past it.
    pub(super) fn take(bytes: &mut &'a [u8]) -> Result<Self, &'static str> {
        let length = take_i32(bytes).ok_or("its length is cut short")?;
        let length = usize::try_from(length).map_err(|_| "its length is negative")?;
        let (mut body, rest) = bytes.split_at_checked(length).ok_or("it is longer than its batch")?;
        *bytes = rest;
        let record = Self::parse(&mut body)?;
        if body.is_empty() { Ok(record) } else { Err("it is shorter than its length") }
    }

    fn parse(body: &mut &'a [u8]) -> Result<Self, &'static str> {
        let (_attributes, rest) = body.split_first().ok_or("its attributes are missing")?;
        *body = rest;
        let timestamp_delta = take_i64(body).ok_or("its timestamp is cut short")?;
        let offset_delta = take_i32(body).ok_or("its offset is cut short")?;
        let key = take_nullable(body).ok_or("its key is cut short")?;
        let value = take_nullable(body).ok_or("its value is cut short")?;
        let count = take_i32(body).ok_or("its header count is cut short")?;
        let count = usize::try_from(count).map_err(|_| "its header count is negative")?;
        let headers = Headers { count, bytes: body };
        for _ in 0..count {
            take_header(body).ok_or("a header is cut short")?;
        }
        Ok(Self { offset_delta, timestamp_delta, key, value, headers })
    }
}

fn take_header<'a>(bytes: &mut &'a [u8]) -> Option<Header<'a>> {
    Some((take_nullable(bytes)??, take_nullable(bytes)?))
}

/// The outer `None` means truncated, the inner one null. Like Java's client, reads every negative length as null.
#[expect(clippy::option_option, reason = "cut short and null are different answers")]
fn take_nullable<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let length = take_i32(bytes)?;
    let Ok(length) = usize::try_from(length) else { return Some(None) };
    let (field, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(Some(field))
}
