//! The limits of transactions and engines. Those in the first group are fixed by FoundationDB.

use std::time::Duration;

pub use alluvium_model::limits::{
    METASTORE_KEY_BYTES_MAX as KEY_BYTES_MAX, METASTORE_VALUE_BYTES_MAX as VALUE_BYTES_MAX, TRANSACTION_AGE_MAX,
    TRANSACTION_BYTES_MAX,
};

/// Armed watches of one engine at once.
pub const WATCHES_MAX: usize = 10_000;
/// First byte of the keys that belong to the engine; the keys of transactions lie below it.
pub const SYSTEM_PREFIX: u8 = 0xff;

/// Rows that one range read returns; a query with a higher limit fails if its range has more.
pub const RANGE_ROWS_MAX: usize = 100_000;
/// Bytes that one range read returns: several times a transaction's 10 MB, still small beside a machine's memory.
pub const RANGE_BYTES_MAX: usize = 64 << 20;
/// Reads of one `get_all` in flight at once: enough to hide a round trip, few enough to be fair to other transactions.
pub const GETS_IN_FLIGHT_MAX: usize = 256;

/// Attempts of one `Db::run`: with a round trip each, about as many as the deadline allows.
pub const RUN_ATTEMPTS_MAX: u32 = 1_000;
/// Time of one `Db::run`, after which no further attempt starts: half of a producer's request timeout.
pub const RUN_DEADLINE: Duration = Duration::from_secs(15);
/// The smallest upper bound of a delay between attempts.
pub const RETRY_DELAY_MIN: Duration = Duration::from_millis(1);
/// The largest upper bound of a delay between attempts after a conflict: a few commits long. FoundationDB's own backoff
/// of up to 1 s makes a contended key slow.
pub const RETRY_DELAY_MAX: Duration = Duration::from_millis(20);
/// How often what an attempt takes beyond [`RETRY_DELAY_MAX`] counts for the delay after a conflict. 200 transactions
/// on one row of a starved machine made 3,171 attempts with 1, 2,200 with 2, 640 with 4, and 560 with 6.
pub const RETRY_DELAY_ATTEMPTS: u32 = 4;
/// The largest upper bound of a delay while the store is unavailable: more attempts would only add to its load.
pub const RETRY_DELAY_UNAVAILABLE_MAX: Duration = Duration::from_millis(250);
/// Time for an attempt's reads from a remote store, from the first read on; then the store counts as unavailable.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(4_500);
/// Time after an attempt's first read at which its commit is no longer waited for. It is past [`TRANSACTION_AGE_MAX`],
/// so that a commit still under way is rejected for its age wherever it is, and is never committed later.
pub const COMMIT_TIMEOUT: Duration = Duration::from_millis(5_500);
/// Time for a remote store to answer for the first time: longer than its recovery after a crash usually takes.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(8);
/// Bytes of the prefix that all keys have in a shared store.
pub const PREFIX_BYTES_MAX: usize = 64;

/// Transactions in one durable batch; the order within the batch is the versionstamp's last two bytes.
pub const BATCH_TRANSACTIONS_MAX: usize = 1_024;
/// Bytes of one durable batch after which no further transaction joins it: two full transactions.
pub const BATCH_BYTES_MAX: usize = 2 * TRANSACTION_BYTES_MAX;
/// Rows that a batch in doubt may overwrite or clear, about 1 MB to store with it. A batch with more waits for its
/// objects first.
pub const UNDO_ROWS_MAX: usize = 8_192;
/// Commits queued for a batch; further ones wait for room in the queue.
pub const COMMITS_WAITING_MAX: usize = 4 * BATCH_TRANSACTIONS_MAX;
/// Keys and cleared ranges of recent commits that reads are checked against, about 20 MB. Over it the oldest commits
/// are dropped early, and attempts older than those are too old.
pub const WINDOW_WRITES_MAX: usize = 200_000;
