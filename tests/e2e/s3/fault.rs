//! Faults, and the requests that they apply to.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    Put,
    Get,
    Delete,
    List,
    /// One of the bucket's settings.
    Setting,
}

/// How a request fails.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Not done; answered with this status and this S3 error code.
    Status(u16, &'static str),
    /// Not done; not answered until healed, and then the connection is closed.
    Hang,
    /// Done, and the connection closed instead of an answer.
    DoneThenReset,
    /// The answer's body ends after half of what its header promises.
    ShortBody,
    /// The answer's body comes in pieces with pauses between them.
    SlowBody(Duration),
    /// Done without regard to its headers: conditions and ranges.
    Headless,
    /// Not done, and answered as if it were.
    Ignored,
    /// Done, after a while.
    Late(Duration),
}

impl Fault {
    /// S3's internal error.
    pub const INTERNAL: Self = Self::Status(500, "InternalError");
    /// S3 under load.
    pub const SLOW_DOWN: Self = Self::Status(503, "SlowDown");
    /// Credentials that do not suffice.
    pub const DENIED: Self = Self::Status(403, "AccessDenied");
}

/// A fault and the requests that it applies to, until it is healed: all, or all of one kind, or those for some keys.
#[derive(Clone, Debug)]
pub struct Rule {
    kind: Option<RequestKind>,
    key_suffix: &'static str,
    every: u64,
    seen: u64,
    fault: Fault,
}

impl Rule {
    /// Every request.
    pub fn always(fault: Fault) -> Self {
        Self { kind: None, key_suffix: "", every: 1, seen: 0, fault }
    }

    /// Every request of one kind.
    pub fn on(kind: RequestKind, fault: Fault) -> Self {
        Self { kind: Some(kind), ..Self::always(fault) }
    }

    /// Only requests for keys that end in `suffix`.
    pub fn keys(self, suffix: &'static str) -> Self {
        Self { key_suffix: suffix, ..self }
    }

    /// Only every `n`th of them.
    pub fn every(self, n: u64) -> Self {
        Self { every: n, ..self }
    }

    fn fits(&mut self, kind: RequestKind, key: &str) -> bool {
        if self.kind.is_some_and(|only| only != kind) || !key.ends_with(self.key_suffix) {
            return false;
        }
        self.seen += 1;
        self.seen.is_multiple_of(self.every)
    }
}

/// The current rules; the first that matches a request applies.
#[derive(Default)]
pub struct Faults {
    rules: Mutex<Vec<Rule>>,
    met: AtomicU64,
    healed: Notify,
}

impl Faults {
    pub fn inject(&self, rule: Rule) {
        self.rules().push(rule);
    }

    pub fn heal(&self) {
        self.rules().clear();
        self.met.store(0, Ordering::SeqCst);
        self.healed.notify_waiters();
    }

    pub fn met(&self) -> u64 {
        self.met.load(Ordering::SeqCst)
    }

    pub fn pick(&self, kind: RequestKind, key: &str) -> Option<Fault> {
        let fault = self.rules().iter_mut().find_map(|rule| rule.fits(kind, key).then_some(rule.fault));
        self.met.fetch_add(u64::from(fault.is_some()), Ordering::SeqCst);
        fault
    }

    /// Waits for the next healing.
    pub async fn healed(&self) {
        self.healed.notified().await;
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
