//! Counters of requests to the store: the costs that metrics show.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! usage {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        /// Counters since the start; shared by all clones of one [`Objects`](crate::Objects).
        #[derive(Debug, Default)]
        pub struct Usage {
            $($(#[$meta])* pub $name: AtomicU64,)*
        }

        /// A snapshot of [`Usage`].
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct UsageTotals {
            $($(#[$meta])* pub $name: u64,)*
        }

        impl Usage {
            /// The counters now.
            #[must_use]
            pub fn totals(&self) -> UsageTotals {
                UsageTotals { $($name: self.$name.load(Relaxed),)* }
            }
        }
    };
}

usage! {
    /// PUT requests, each try counted, as S3 bills them.
    puts,
    /// Bytes of PUTs that succeeded.
    put_bytes,
    /// GET and HEAD requests, each try and hedge counted.
    gets,
    /// Bytes of GETs that succeeded.
    get_bytes,
    /// Objects deleted.
    deletes,
    /// Pages of listings.
    lists,
    /// Tries after the first.
    retries,
    /// GETs sent a second time because the first was slow.
    hedges,
    /// Operations that failed after all their retries (an absent object is a result, not a failure).
    failures,
}

/// Adds `n` to `counter`.
pub(crate) fn count(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Relaxed);
}
