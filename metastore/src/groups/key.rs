//! The keys of groups.
//!
//! ```text
//! head:    | GROUP | 0: 1 | length: 2 | group |
//! members: | GROUP | 1: 1 | length: 2 | group | chunk: 2 |
//! ```

use alluvium_model::group::GroupId;

use crate::{
    keyspace::{Key, RowError, RowReader, Tag, read_group},
    kv::{Range, key_after},
};

const HEAD: u8 = 0;
const MEMBERS: u8 = 1;

/// The key of the head of `group`.
pub(super) fn head_key(group: &GroupId) -> Vec<u8> {
    Key::new(Tag::GROUP).raw(&[HEAD]).group(group).bytes()
}

/// The heads of all groups after `after`.
pub(super) fn heads_after(after: Option<&GroupId>) -> Range {
    let all = Range::prefix(Key::new(Tag::GROUP).raw(&[HEAD]).bytes());
    match after {
        Some(group) => Range { begin: key_after(&head_key(group)), ..all },
        None => all,
    }
}

/// The group whose head is at `key`.
pub(super) fn decode_head_key(key: &[u8]) -> Result<GroupId, RowError> {
    let mut reader = RowReader::part("group key", key);
    reader.array::<2>()?;
    let group = read_group(&mut reader)?;
    reader.finish()?;
    Ok(group)
}

/// The key of one chunk of the members of `group`.
pub(super) fn members_key(group: &GroupId, chunk: u16) -> Vec<u8> {
    members(group).chunk(chunk).bytes()
}

/// All chunks of the members of `group`.
pub(super) fn members_range(group: &GroupId) -> Range {
    Range::prefix(members(group).bytes())
}

fn members(group: &GroupId) -> Key {
    Key::new(Tag::GROUP).raw(&[MEMBERS]).group(group)
}
