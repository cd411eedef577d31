//! The conformance suite of the storage interface: one list of behaviours for every engine.
//!
//! `attempt_suite!` runs the behaviours of single attempts, on engines without injected faults; `transaction_suite!`
//! those of `Db::run`, also on engines with injected faults. A new engine needs one factory in `engines.rs` and one
//! line per macro below. If the engine is in this process, time is virtual.

#![expect(clippy::unwrap_used, reason = "a test that fails is to stop")]

mod atomics;
mod conflicts;
mod engines;
mod limits;
mod ranges;
mod retries;
mod serial_order;
mod snapshots;
mod stamps;
mod watches;

macro_rules! on_engine {
    ($module:ident, $factory:path, $attributes:tt, { $($file:ident :: $behaviour:ident,)* }) => {
        mod $module {
            $(on_engine!(@test $attributes $factory, $file, $behaviour);)*
        }
    };
    (@test { $(#[$attribute:meta])* } $factory:path, $file:ident, $behaviour:ident) => {
        $(#[$attribute])*
        async fn $behaviour() {
            crate::$file::$behaviour($factory().await).await;
        }
    };
}

macro_rules! attempt_suite {
    ($module:ident, $factory:path, $attributes:tt) => {
        on_engine!($module, $factory, $attributes, {
            snapshots::an_attempt_reads_the_snapshot_of_its_first_read,
            snapshots::a_commit_is_seen_by_attempts_that_begin_after_it,
            snapshots::uncommitted_writes_are_invisible_to_other_attempts,
            snapshots::own_writes_are_read_before_the_commit,
            snapshots::an_attempt_is_committed_once,
            ranges::ranges_are_ordered_and_limited_in_both_directions,
            ranges::ranges_show_own_writes,
            ranges::ranges_of_many_rows_are_complete,
            ranges::cleared_ranges_lose_their_rows_and_no_others,
            conflicts::a_write_to_a_read_key_is_a_conflict,
            conflicts::a_phantom_in_a_read_range_is_a_conflict,
            conflicts::a_limited_range_conflicts_only_where_it_was_read,
            conflicts::a_cleared_range_conflicts_with_reads_in_it,
            conflicts::writes_alone_never_conflict,
            conflicts::snapshot_reads_never_conflict,
            conflicts::reads_of_own_writes_never_conflict,
            conflicts::of_concurrent_updates_of_one_key_one_commits,
            conflicts::reads_alone_never_conflict,
            atomics::adding_to_nothing_starts_at_zero,
            atomics::adding_wraps_and_takes_eight_bytes,
            atomics::concurrent_additions_all_count,
            atomics::an_addition_that_was_read_conflicts,
            stamps::stamped_keys_follow_the_order_of_commits,
            stamps::stamped_keys_of_one_transaction_share_a_stamp,
            stamps::stamps_of_concurrent_commits_are_unique,
            stamps::stamped_keys_are_unreadable_before_the_commit,
            stamps::older_stamped_keys_stay_readable,
            stamps::no_stamp_that_is_read_is_of_a_later_version_than_the_read,
            watches::a_watch_fires_when_the_value_changes,
            watches::a_watch_does_not_fire_for_the_same_value,
            watches::a_watch_fires_for_a_change_before_it_was_armed,
            watches::a_watch_sees_its_own_transactions_write,
            watches::a_watch_fires_when_a_range_is_cleared,
            watches::a_watch_without_a_commit_is_never_armed,
            watches::armed_watches_are_limited_and_a_dropped_one_makes_room,
            limits::keys_and_values_over_their_limits_are_errors,
            limits::a_transaction_over_its_limit_is_an_error,
            limits::the_engines_own_keys_cannot_be_read_or_written,
            limits::an_inverted_range_is_an_error,
            limits::an_attempt_that_is_too_old_neither_reads_nor_commits,
        });
    };
}

macro_rules! transaction_suite {
    ($module:ident, $factory:path, $attributes:tt) => {
        on_engine!($module, $factory, $attributes, {
            retries::increments_of_many_clients_all_count_once,
            retries::an_error_of_the_closure_ends_the_run_without_a_commit,
            retries::a_wrapped_retryable_error_is_retried,
            retries::a_read_only_transaction_refuses_writes,
            retries::a_watch_of_a_read_only_transaction_is_armed,
            retries::get_all_keeps_the_order_of_the_keys,
            serial_order::transactions_are_equivalent_to_the_order_of_their_stamps,
        });
    };
}

attempt_suite!(memory, crate::engines::memory, { #[tokio::test(start_paused = true)] });
attempt_suite!(memory_with_latency, crate::engines::memory_with_latency, { #[tokio::test(start_paused = true)] });
attempt_suite!(redb, crate::engines::redb, { #[tokio::test(start_paused = true)] });
attempt_suite!(fdb, crate::engines::fdb, { #[tokio::test] #[ignore = "needs FoundationDB: FDB_HOME"] });
transaction_suite!(transactions_on_memory, crate::engines::memory, { #[tokio::test(start_paused = true)] });
transaction_suite!(transactions_on_memory_with_faults, crate::engines::memory_with_faults, {
    #[tokio::test(start_paused = true)]
});
transaction_suite!(transactions_on_redb, crate::engines::redb, { #[tokio::test(start_paused = true)] });
transaction_suite!(transactions_on_fdb, crate::engines::fdb, {
    #[tokio::test]
    #[ignore = "needs FoundationDB: FDB_HOME"]
});
