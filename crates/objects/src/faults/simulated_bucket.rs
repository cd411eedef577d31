//! An S3-like bucket within one process and on virtual time. Several simulated processes use it, each with its own
//! faults.
//!
//! Owns: the objects, and the time of each write by the clock handed in. Does not own: the fault rates
//! ([`super::BucketFaults`]). Invariant: a request that was sent is done even if its caller has stopped waiting, as at
//! a remote store. Without faults requests take no time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::bucket_faults::BucketFaultSwitch;
use super::fault_store::unavailable;

/// Objects younger than this may be missing from a torn listing.
const MISSED_AGE_MAX: Duration = Duration::from_secs(60);
/// Pieces of a slow body.
const SLOW_PIECES: usize = 4;

/// The store's clock: ms since the Unix epoch.
type StoreClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A simulated bucket. Clones share its objects.
#[derive(Clone)]
pub struct SimulatedBucket {
    objects: Arc<InMemory>,
    written: Arc<Mutex<BTreeMap<String, i64>>>,
    clock: StoreClock,
}

/// The bucket as one process uses it.
struct BucketClient {
    bucket: SimulatedBucket,
    faults: BucketFaultSwitch,
}

impl SimulatedBucket {
    /// An empty bucket whose clock is `clock`.
    #[must_use]
    pub fn new(clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self { objects: Arc::new(InMemory::new()), written: Arc::default(), clock: Arc::new(clock) }
    }

    /// The store through which one process uses the bucket, with the faults of that process.
    #[must_use]
    pub fn client(&self, faults: BucketFaultSwitch) -> Arc<dyn ObjectStore> {
        Arc::new(BucketClient { bucket: self.clone(), faults })
    }

    /// The keys of all objects, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.written().keys().cloned().collect()
    }

    /// Loses the object at `key`, which no store should do. Shows that the checkers can fail.
    pub async fn lose(&self, key: &str) {
        // An absent object counts as lost.
        let _ = self.delete(&Path::from(key)).await;
    }

    async fn put(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let put = self.objects.put_opts(path, payload, options).await?;
        let now = (self.clock)();
        self.written().insert(path.to_string(), now);
        Ok(put)
    }

    async fn delete(&self, path: &Path) -> Result<()> {
        self.written().remove(path.as_ref());
        match self.objects.delete(path).await {
            Err(Error::NotFound { .. }) => Ok(()),
            outcome => outcome,
        }
    }

    /// `meta` with the time of the write by this bucket's clock instead of the machine's.
    fn dated(&self, mut meta: ObjectMeta) -> ObjectMeta {
        let ms = self.written().get(meta.location.as_ref()).copied().unwrap_or_default();
        meta.last_modified = (UNIX_EPOCH + Duration::from_millis(ms.unsigned_abs())).into();
        meta
    }

    fn written(&self) -> MutexGuard<'_, BTreeMap<String, i64>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for BucketClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedBucket")
    }
}

impl fmt::Display for BucketClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedBucket")
    }
}

/// Sends `request` to the store and returns its response. The request is done even if the caller stops waiting.
async fn send<T, Fut>(faults: &BucketFaultSwitch, request: Fut) -> Result<T>
where
    T: Send + 'static,
    Fut: Future<Output = Result<T>> + Send + 'static,
{
    let rates = faults.current();
    if faults.hits(rates.unavailable_per_mille) {
        faults.transmit().await;
        return Err(unavailable());
    }
    let (lost, hangs) = (faults.hits(rates.lost_answer_per_mille), faults.hits(rates.hang_per_mille));
    let faults = faults.clone();
    let exchange = async move {
        faults.transmit().await;
        let response = request.await;
        faults.transmit().await;
        if lost { Err(unavailable()) } else { response }
    };
    let response = tokio::spawn(exchange).await.unwrap_or_else(|_| Err(unavailable()));
    if hangs { std::future::pending().await } else { response }
}

/// Returns the body of `result` in pieces with pauses, or cut short.
async fn slow_body(result: GetResult, faults: BucketFaultSwitch, cut_short: bool) -> Result<GetResult> {
    let GetResult { meta, range, attributes, extensions, .. } = &result;
    let (meta, range, attributes, extensions) = (meta.clone(), range.clone(), attributes.clone(), extensions.clone());
    let mut body = result.bytes().await?;
    if cut_short {
        body.truncate(usize::try_from(faults.below(body.len() as u64)).unwrap_or(0));
    }
    let piece = (body.len() / SLOW_PIECES).max(1);
    let pieces = stream::unfold((body, faults), move |(mut body, faults)| async move {
        if body.is_empty() {
            return None;
        }
        faults.pause(faults.current().slow_body_pause_max).await;
        let next = body.split_to(piece.min(body.len()));
        Some((Ok(next), (body, faults)))
    });
    Ok(GetResult { payload: GetResultPayload::Stream(pieces.boxed()), meta, range, attributes, extensions })
}

#[async_trait]
impl ObjectStore for BucketClient {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let (bucket, path, loses) = (self.bucket.clone(), location.clone(), self.faults.loses_put());
        let put = async move {
            let put = bucket.put(&path, payload, opts).await?;
            if loses {
                bucket.delete(&path).await?;
            }
            Ok(put)
        };
        send(&self.faults, put).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.bucket.objects.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (bucket, path) = (self.bucket.clone(), location.clone());
        let get = async move {
            let mut result = bucket.objects.get_opts(&path, options).await?;
            result.meta = bucket.dated(result.meta);
            Ok(result)
        };
        let result = send(&self.faults, get).await?;
        let rates = self.faults.current();
        let (slow, cut) = (self.faults.hits(rates.slow_body_per_mille), self.faults.hits(rates.cut_short_per_mille));
        if slow || cut { slow_body(result, self.faults.clone(), cut).await } else { Ok(result) }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (bucket, faults) = (self.bucket.clone(), self.faults.clone());
        let deleted = locations.then(move |location| {
            let (bucket, faults) = (bucket.clone(), faults.clone());
            async move {
                let location = location?;
                let path = location.clone();
                if faults.current().keeps_deleted {
                    return Ok(location);
                }
                send(&faults, async move { bucket.delete(&path).await }).await.map(|()| location)
            }
        });
        deleted.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (bucket, faults) = (self.bucket.clone(), self.faults.clone());
        let listed = self.bucket.objects.list(prefix);
        let torn = faults.hits(faults.current().torn_list_per_mille);
        async move {
            let listing = send(&faults, async move { Ok(listed.collect::<Vec<_>>().await) }).await;
            let mut listing: Vec<Result<ObjectMeta>> = match listing {
                Ok(listing) => listing.into_iter().map(|found| found.map(|meta| bucket.dated(meta))).collect(),
                Err(error) => vec![Err(error)],
            };
            if torn {
                tear(&mut listing, &faults, (bucket.clock)());
            }
            stream::iter(listing)
        }
        .flatten_stream()
        .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut result = self.bucket.objects.list_with_delimiter(prefix).await?;
        result.objects = result.objects.into_iter().map(|meta| self.bucket.dated(meta)).collect();
        Ok(result)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.bucket.objects.copy_opts(from, to, options).await?;
        let now = (self.bucket.clock)();
        self.bucket.written().insert(to.to_string(), now);
        Ok(())
    }
}

/// Removes some of the new objects, or replaces everything after some point by a failure.
fn tear(listing: &mut Vec<Result<ObjectMeta>>, faults: &BucketFaultSwitch, now: i64) {
    if faults.hits(500) {
        let kept = faults.below(listing.len() as u64 + 1);
        listing.truncate(usize::try_from(kept).unwrap_or(0));
        listing.push(Err(unavailable()));
        return;
    }
    let age_max = i64::try_from(MISSED_AGE_MAX.as_millis()).unwrap_or(i64::MAX);
    listing.retain(|found| {
        let is_new = found.as_ref().is_ok_and(|meta| now - meta.last_modified.timestamp_millis() < age_max);
        !is_new || faults.hits(500)
    });
}
