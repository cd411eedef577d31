//! The rows of transactional ids and their transactions.
//!
//! Owns: their keys and values. Does not own: the rules (`alluvium_model::transaction`), the commit of segments, which
//! adds partitions ([`crate::log`]), or all else that changes them ([`crate::transactions`]).

mod key;
mod read;
mod save;
mod state_row;

pub(crate) use key::{
    MemberKey, aborted_from, aborted_key, begun_by, deadlines, decode_begun, decode_deadline_key, decode_member_key,
    decode_offset, decode_partition_key, decode_state_key, due_by, group_key, groups_of, member_count_key, members_of,
    open_in, open_key, partition_key, partitions_of, state_key, states_after,
};
pub(crate) use read::{MemberRows, decode_to_join, read, read_state, read_to_join, read_with_members};
pub(crate) use save::{remove, save, save_joined};
pub use state_row::StoredTransaction;
pub(crate) use state_row::{
    decode_aborted, decode_deadline, decode_member_count, decode_open, decode_partition, decode_state, encode_aborted,
    encode_open, encode_partition,
};
