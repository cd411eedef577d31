//! Which request fails, and how.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::PutPayload;

use crate::Operation;

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not done; the store is overloaded (S3's 503).
    Unavailable,
    /// Not done; access is denied.
    Denied,
    /// Not done; there is no such object.
    NotFound,
    /// Not done; there is no such bucket.
    NoSuchBucket,
    /// Not done; the disk is full.
    Full,
    /// Never gets a response.
    Hang,
    /// Done, after this delay.
    Delay(Duration),
    /// Done, and then reported as failed, as after a lost connection.
    DoneButUnavailable,
    /// A GET's body ends after this many bytes.
    CutShort(usize),
    /// A GET's body has all bits of the byte at this position (or of its last byte) flipped.
    Flipped(usize),
}

type IsWanted = dyn Fn(&[u8]) -> bool + Send + Sync;

/// A condition on the bytes of an object.
#[derive(Clone)]
pub(super) struct ContentTest(Arc<IsWanted>);

impl ContentTest {
    fn matches(&self, content: &PutPayload) -> bool {
        (self.0)(&content.iter().flat_map(|part| part.iter().copied()).collect::<Vec<u8>>())
    }
}

impl fmt::Debug for ContentTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentTest")
    }
}

/// Which requests get a [`Fault`]. By default all of an operation, without an end.
#[derive(Clone, Debug)]
pub struct FaultRule {
    pub(super) operation: Option<Operation>,
    pub(super) key_contains: Option<String>,
    pub(super) content: Option<ContentTest>,
    pub(super) skip: u64,
    pub(super) times: u64,
    pub(super) fault: Fault,
}

impl FaultRule {
    /// Every request of `operation` gets `fault`.
    #[must_use]
    pub fn on(operation: Operation, fault: Fault) -> Self {
        Self { operation: Some(operation), key_contains: None, content: None, skip: 0, times: u64::MAX, fault }
    }

    /// Every request gets `fault`.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self { operation: None, key_contains: None, content: None, skip: 0, times: u64::MAX, fault }
    }

    /// Only requests whose key contains `text`.
    #[must_use]
    pub fn key_contains(mut self, text: impl Into<String>) -> Self {
        self.key_contains = Some(text.into());
        self
    }

    /// Only PUTs of objects whose bytes satisfy `is_wanted`.
    #[must_use]
    pub fn content(mut self, is_wanted: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        self.content = Some(ContentTest(Arc::new(is_wanted)));
        self
    }

    /// Only after `skip` requests that match.
    #[must_use]
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// Only `times` times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Whether the rule applies to this request, which puts `content` if it is a PUT of a whole object; counts it if it
    /// matches.
    pub(super) fn applies(&mut self, operation: Operation, key: &str, content: Option<&PutPayload>) -> bool {
        let matches = self.operation.is_none_or(|wanted| wanted == operation)
            && self.key_contains.as_ref().is_none_or(|text| key.contains(text.as_str()))
            && self.content.as_ref().is_none_or(|wanted| content.is_some_and(|content| wanted.matches(content)));
        if !matches || self.times == 0 {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}
