//! One file per invariant, and the table of all.

mod aborted_read;
mod acked_elsewhere;
mod agents_disagree;
mod catch_up_starved;
mod compaction_starved;
mod dangling_extent;
mod double_owner;
mod doubled_part;
mod duplicate;
mod extent_gap;
mod extent_overlap;
mod generation_went_back;
mod inconsistent_offset;
mod invented_record;
mod leftover_object;
mod log_start;
mod lost_commit;
mod lost_write;
mod nonmonotonic_poll;
mod nonmonotonic_send;
mod offset_gap;
mod offset_overlap;
mod poll_skip;
mod precommitted_read;
mod read_beyond_end;
mod retention_starved;
mod stale_commit;
mod stale_generation;
mod starved;
mod stuck;
mod table;
mod torn_batch;
mod torn_transaction;
mod unseen;
mod write_cycle;

pub use table::{PREDICATES, Predicate, check};
