//! What bounds a transaction and an engine. The first group is FoundationDB's own and fixed by it.

use std::time::Duration;

pub use alluvium_model::limits::{
    METASTORE_KEY_BYTES_MAX as KEY_BYTES_MAX, METASTORE_VALUE_BYTES_MAX as VALUE_BYTES_MAX, TRANSACTION_AGE_MAX,
    TRANSACTION_BYTES_MAX,
};

/// Watches that one engine holds at once.
pub const WATCHES_MAX: usize = 10_000;
/// First byte of the keys that belong to the engine; keys of transactions lie below.
pub const SYSTEM_PREFIX: u8 = 0xff;

/// Rows that one range read returns; a query whose own limit is higher and that meets more is refused.
pub const RANGE_ROWS_MAX: usize = 100_000;
/// Bytes that one range read returns, likewise: several times a transaction's 10 MB, still small beside memory.
pub const RANGE_BYTES_MAX: usize = 64 << 20;
/// Reads of one `get_all` in flight at once: enough to hide a round trip, few enough to be fair to others.
pub const GETS_IN_FLIGHT_MAX: usize = 256;

/// Attempts of one `Db::run`: with a round trip each, about as many as the deadline allows.
pub const RUN_ATTEMPTS_MAX: u32 = 1_000;
/// Time of one `Db::run` over all attempts, after which no further one starts: half of a producer's request timeout.
pub const RUN_DEADLINE: Duration = Duration::from_secs(15);
/// The least upper bound of a delay between attempts.
pub const RETRY_DELAY_MIN: Duration = Duration::from_millis(1);
/// The greatest upper bound of a delay between attempts, a few commits long. FoundationDB's own back-off, up to 1 s, is what
/// makes a hot key slow.
pub const RETRY_DELAY_MAX: Duration = Duration::from_millis(20);
/// The greatest after an attempt that failed since the store is in trouble: more attempts would only add to it.
pub const RETRY_DELAY_UNAVAILABLE_MAX: Duration = Duration::from_millis(250);
/// Time of an attempt's reads in a store that is elsewhere, from the first on; then it counts as one that does not answer.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(4_500);
/// Time after an attempt's first read at which its commit is no longer waited for: past [`TRANSACTION_AGE_MAX`], so that one
/// still under way is refused for its age wherever it is, and never comes true later.
pub const COMMIT_TIMEOUT: Duration = Duration::from_millis(5_500);
/// Time for a store that is elsewhere to answer for the first time: longer than its recovery after a crash usually takes.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(8);
/// Bytes of the prefix of all keys in a store that is shared.
pub const PREFIX_BYTES_MAX: usize = 64;

/// Transactions in one durable batch; their order in it is the versionstamp's last two bytes.
pub const BATCH_TRANSACTIONS_MAX: usize = 1_024;
/// Bytes of one durable batch after which no further transaction joins it: two full transactions.
pub const BATCH_BYTES_MAX: usize = 2 * TRANSACTION_BYTES_MAX;
/// Commits that wait for a batch; more wait to be let in, each holding only itself.
pub const COMMITS_WAITING_MAX: usize = 4 * BATCH_TRANSACTIONS_MAX;
/// Keys (and cleared ranges) of recent commits that conflicts are looked for in, about 20 MB; over it the oldest are
/// forgotten early and attempts older than those are too old.
pub const WINDOW_WRITES_MAX: usize = 200_000;
