//! Keys of groups.
//!
//! ```text
//! head:  | tag: 1 | 0: 1 | length: 2 | group |
//! body:  | tag: 1 | 1: 1 | length: 2 | group | chunk: 2 |
//! ```
//!
//! The length comes first, so that no group's keys lie among another's.

use alluvium_model::group::GroupId;

use crate::{
    keyspace::{Key, RowError, RowReader, Tag},
    kv::Range,
};

const HEAD: u8 = 0;
const BODY: u8 = 1;

/// Where the head of `group` is.
pub(crate) fn head_key(group: &GroupId) -> Vec<u8> {
    length_prefixed(Key::new(Tag::GROUP).raw(&[HEAD]), group).bytes()
}

/// The heads of all groups after `after`.
pub(super) fn heads_after(after: Option<&GroupId>) -> Range {
    let all = Range::prefix(Key::new(Tag::GROUP).raw(&[HEAD]).bytes());
    match after {
        Some(group) => Range { begin: crate::kv::key_after(&head_key(group)), ..all },
        None => all,
    }
}

/// The group whose head is at `key`.
pub(crate) fn listed_group(key: &[u8]) -> Result<GroupId, RowError> {
    let mut reader = RowReader::part("group key", key);
    reader.array::<2>()?;
    let group = read_group(&mut reader)?;
    reader.finish()?;
    Ok(group)
}

/// Reads what [`length_prefixed`] appended.
pub(crate) fn read_group(reader: &mut RowReader<'_>) -> Result<GroupId, RowError> {
    let length = u16::from_be_bytes(reader.array()?);
    let text = std::str::from_utf8(reader.raw(usize::from(length))?).ok().and_then(GroupId::new);
    text.ok_or_else(|| reader.malformed("group id"))
}

/// Where a chunk of the body of `group` is.
pub(super) fn body_key(group: &GroupId, chunk: u16) -> Vec<u8> {
    body(group).chunk(chunk).bytes()
}

/// All chunks of the body of `group`.
pub(super) fn body_range(group: &GroupId) -> Range {
    Range::prefix(body(group).bytes())
}

fn body(group: &GroupId) -> Key {
    length_prefixed(Key::new(Tag::GROUP).raw(&[BODY]), group)
}

/// Appends the name of `group`, its length first.
pub(crate) fn length_prefixed(key: Key, group: &GroupId) -> Key {
    let length = u16::try_from(group.as_str().len()).expect("group ids are bounded");
    key.raw(&length.to_be_bytes()).raw(group.as_str().as_bytes())
}
