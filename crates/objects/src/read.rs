//! Reads: exact, bounded, hedged and coalesced.

use std::ops::Range;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select, try_join_all};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, GetResultPayload};
use tokio::time::sleep;

use crate::coalesce::{coalesce, covering};
use crate::usage::count;
use crate::{Error, ErrorKind, Objects, Operation, local_store};

/// Objects up to this size are read whole by one GET: twice the usual segment.
const WHOLE_BYTES_USUAL: u64 = 16 << 20;

/// The range that one GET requests.
#[derive(Clone)]
struct RangeRequest {
    range: Range<u64>,
    /// Whether the range may reach beyond the end of the object and is truncated there.
    may_truncate: bool,
}

/// The response of one GET: the bytes, and the size of the whole object.
struct Fetched {
    body: Bytes,
    size: u64,
}

impl RangeRequest {
    /// The range, given the size of the object.
    fn within(&self, size: u64) -> Range<u64> {
        let end = if self.may_truncate { self.range.end.min(size) } else { self.range.end };
        self.range.start..end
    }
}

impl Objects {
    /// The bytes of exactly `range` of the object at `key`.
    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, Error> {
        self.get_request(key, RangeRequest { range, may_truncate: false }).await
    }

    /// The bytes of `range` of the object at `key`; fewer only if the object ends within the range.
    pub async fn get_within(&self, key: &str, range: Range<u64>) -> Result<Bytes, Error> {
        self.get_request(key, RangeRequest { range, may_truncate: true }).await
    }

    async fn get_request(&self, key: &str, request: RangeRequest) -> Result<Bytes, Error> {
        if request.range.is_empty() {
            return Ok(Bytes::new());
        }
        self.fetched(key, request).await.map(|read| read.body)
    }

    async fn fetched(&self, key: &str, request: RangeRequest) -> Result<Fetched, Error> {
        let bytes = request.range.end - request.range.start;
        self.check_size(key, bytes)?;
        let path = self.path(Operation::Get, key)?;
        let get = || self.hedged(key, &path, request.clone());
        let read = self.with_retries(Operation::Get, key, &self.slots.gets, bytes, get).await?;
        count(&self.usage.get_bytes, read.body.len() as u64);
        Ok(read)
    }

    /// The whole object at `key`: one GET up to `WHOLE_BYTES_USUAL`. A larger object takes a second GET, whose timeout
    /// follows the size that is known by then.
    pub async fn get(&self, key: &str) -> Result<Bytes, Error> {
        let path = self.path(Operation::Get, key)?;
        let first = 0..WHOLE_BYTES_USUAL.min(self.config.get_bytes_max);
        let get = || self.hedged(key, &path, RangeRequest { range: first.clone(), may_truncate: true });
        let read = self.with_retries(Operation::Get, key, &self.slots.gets, first.end, get).await;
        let Fetched { body, size } = match read {
            // An empty object has no valid range.
            Err(error) if error.kind == ErrorKind::Range && self.head(key).await? == 0 => return Ok(Bytes::new()),
            read => read?,
        };
        count(&self.usage.get_bytes, body.len() as u64);
        if size <= first.end {
            return Ok(body);
        }
        self.check_size(key, size)?;
        let rest = self.get_range(key, first.end..size).await?;
        Ok([body, rest].concat().into())
    }

    /// The bytes of exactly each of `ranges`, in their order. Ranges close together share a GET.
    pub async fn get_ranges(&self, key: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error> {
        self.get_ranges_and_size(key, ranges).await.map(|(bytes, _)| bytes)
    }

    /// Like [`Self::get_ranges`], with the size of the whole object; 0 if all ranges are empty.
    pub async fn get_ranges_and_size(&self, key: &str, ranges: &[Range<u64>]) -> Result<(Vec<Bytes>, u64), Error> {
        let reads = coalesce(ranges, self.config.coalesce_gap_bytes, self.config.coalesce_bytes_max);
        let get = |range: &Range<u64>| self.fetched(key, RangeRequest { range: range.clone(), may_truncate: false });
        let fetched = try_join_all(reads.iter().map(get)).await?;
        let size = fetched.first().map_or(0, |first| first.size);
        let slice = |range: &Range<u64>| {
            if range.is_empty() {
                return None;
            }
            let (read, body) = covering(&reads, range).map(|at| (&reads[at], &fetched[at].body))?;
            let start = usize::try_from(range.start - read.start).ok()?;
            let end = usize::try_from(range.end - read.start).ok()?;
            Some(body.slice(start..end))
        };
        Ok((ranges.iter().map(|range| slice(range).unwrap_or_default()).collect(), size))
    }

    /// One GET, and a second one if the first is slow and a slot is free: the first success wins.
    async fn hedged(&self, key: &str, path: &Path, request: RangeRequest) -> Result<Fetched, Error> {
        let first = pin!(self.fetch(key, path, &request));
        let Some(after) = self.config.hedge_after else { return first.await };
        let slow = pin!(sleep(self.hedge_delay(after, &request.range)));
        let first = match select(first, slow).await {
            Either::Left((result, _)) => return result,
            Either::Right((_, first)) => first,
        };
        let Ok(_slot) = self.slots.gets.try_acquire() else { return first.await };
        count(&self.usage.hedges, 1);
        let second = pin!(self.fetch(key, path, &request));
        match select(first, second).await {
            Either::Left((Err(error), second)) if error.is_retryable() => second.await,
            Either::Right((Err(error), first)) if error.is_retryable() => first.await,
            Either::Left((result, _)) | Either::Right((result, _)) => result,
        }
    }

    /// The time after which a GET counts as slow; longer for a large range.
    fn hedge_delay(&self, after: Duration, range: &Range<u64>) -> Duration {
        after + self.config.retry.transfer_time(range.end - range.start) / 4
    }

    async fn fetch(&self, key: &str, path: &Path, request: &RangeRequest) -> Result<Fetched, Error> {
        count(&self.usage.gets, 1);
        let store_error = |error| Error::from_store(Operation::Get, key, &error);
        let options = GetOptions { range: Some(GetRange::Bounded(request.range.clone())), ..GetOptions::default() };
        let found = self.store.get_opts(path, options).await.map_err(store_error)?;
        let size = found.meta.size;
        let range = request.within(size);
        if found.range != range {
            let reason = format!("requested {range:?}, the object has {size} bytes");
            return Err(Error::new(ErrorKind::Range, Operation::Get, key, reason));
        }
        let bytes = range.end - range.start;
        let body = collect(found, bytes).await.map_err(store_error)?;
        if body.len() as u64 != bytes {
            let reason = format!("got {} bytes of {bytes}", body.len());
            return Err(Error::new(ErrorKind::CutShort, Operation::Get, key, reason));
        }
        Ok(Fetched { body, size })
    }

    fn check_size(&self, key: &str, bytes: u64) -> Result<(), Error> {
        let max = self.config.get_bytes_max;
        if bytes <= max {
            return Ok(());
        }
        Err(Error::new(ErrorKind::TooLarge, Operation::Get, key, format!("{bytes} bytes, at most {max} are read")))
    }
}

/// The body, read no further than one chunk beyond `bytes`.
async fn collect(found: GetResult, bytes: u64) -> Result<Bytes, object_store::Error> {
    let found = match found.payload {
        GetResultPayload::File(file, _) => return local_store::read(file, found.range).await,
        payload => GetResult { payload, ..found },
    };
    let mut taken = 0;
    let mut chunks: Vec<Bytes> = found
        .into_stream()
        .take_while(|chunk| {
            let is_wanted = taken <= bytes;
            taken += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
            std::future::ready(is_wanted)
        })
        .try_collect()
        .await?;
    Ok(if chunks.len() == 1 { chunks.swap_remove(0) } else { chunks.concat().into() })
}
