//! A bucket as S3 has it, within one process and on virtual time: several simulated processes reach it, each with trouble of
//! its own.
//!
//! Owns: the objects, and when each was written by the clock handed in. Does not own: what the trouble is
//! ([`super::BucketTrouble`]). Invariant: a request that has left is done though nobody waits for it any more, as at a store
//! elsewhere; without trouble nothing takes time.

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

use super::dice::TroubleSwitch;
use super::store::unavailable;

/// Of a listing that is torn, objects younger than this may be missing.
const MISSED_AGE_MAX: Duration = Duration::from_secs(60);
/// A slow body comes in as many pieces.
const SLOW_PIECES: usize = 4;

/// Milliseconds since the Unix epoch, as the store has it.
type StoreClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The bucket. Clones share it.
#[derive(Clone)]
pub struct SimulatedBucket {
    objects: Arc<InMemory>,
    written: Arc<Mutex<BTreeMap<String, i64>>>,
    clock: StoreClock,
}

/// The bucket as one process reaches it.
struct Reached {
    bucket: SimulatedBucket,
    trouble: TroubleSwitch,
}

impl SimulatedBucket {
    /// An empty bucket whose clock is `clock`.
    #[must_use]
    pub fn new(clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self { objects: Arc::new(InMemory::new()), written: Arc::default(), clock: Arc::new(clock) }
    }

    /// The bucket as one process reaches it.
    #[must_use]
    pub fn reached(&self, trouble: TroubleSwitch) -> Arc<dyn ObjectStore> {
        Arc::new(Reached { bucket: self.clone(), trouble })
    }

    /// Its keys, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.written().keys().cloned().collect()
    }

    /// Loses the object at `key`, as no store should. Shows that checkers can fail.
    pub async fn lose(&self, key: &str) {
        // One that is not there is lost already.
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

    /// The time of writing as this bucket has it, not as the machine does.
    fn dated(&self, mut meta: ObjectMeta) -> ObjectMeta {
        let ms = self.written().get(meta.location.as_ref()).copied().unwrap_or_default();
        meta.last_modified = (UNIX_EPOCH + Duration::from_millis(ms.unsigned_abs())).into();
        meta
    }

    fn written(&self) -> MutexGuard<'_, BTreeMap<String, i64>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedBucket")
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedBucket")
    }
}

/// Does `request` at the store, whether or not anybody waits for the answer, and brings the answer back.
async fn ask<T, Fut>(trouble: &TroubleSwitch, request: Fut) -> Result<T>
where
    T: Send + 'static,
    Fut: Future<Output = Result<T>> + Send + 'static,
{
    let rates = trouble.current();
    if trouble.hits(rates.unavailable_per_mille) {
        trouble.travel().await;
        return Err(unavailable());
    }
    let (lost, hangs) = (trouble.hits(rates.lost_answer_per_mille), trouble.hits(rates.hang_per_mille));
    let trouble = trouble.clone();
    let asked = async move {
        trouble.travel().await;
        let answer = request.await;
        trouble.travel().await;
        if lost { Err(unavailable()) } else { answer }
    };
    let answer = tokio::spawn(asked).await.unwrap_or_else(|_| Err(unavailable()));
    if hangs { std::future::pending().await } else { answer }
}

/// Gives the body of `result` in pieces, with pauses, or not to its end.
async fn dribble(result: GetResult, trouble: TroubleSwitch, cut_short: bool) -> Result<GetResult> {
    let GetResult { meta, range, attributes, extensions, .. } = &result;
    let (meta, range, attributes, extensions) = (meta.clone(), range.clone(), attributes.clone(), extensions.clone());
    let mut body = result.bytes().await?;
    if cut_short {
        body.truncate(usize::try_from(trouble.below(body.len() as u64)).unwrap_or(0));
    }
    let piece = (body.len() / SLOW_PIECES).max(1);
    let pieces = stream::unfold((body, trouble), move |(mut body, trouble)| async move {
        if body.is_empty() {
            return None;
        }
        trouble.pause(trouble.current().slow_body_pause_max).await;
        let next = body.split_to(piece.min(body.len()));
        Some((Ok(next), (body, trouble)))
    });
    Ok(GetResult { payload: GetResultPayload::Stream(pieces.boxed()), meta, range, attributes, extensions })
}

#[async_trait]
impl ObjectStore for Reached {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let (bucket, path, loses) = (self.bucket.clone(), location.clone(), self.trouble.loses_put());
        let put = async move {
            let put = bucket.put(&path, payload, opts).await?;
            if loses {
                bucket.delete(&path).await?;
            }
            Ok(put)
        };
        ask(&self.trouble, put).await
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
        let result = ask(&self.trouble, get).await?;
        let rates = self.trouble.current();
        let (slow, cut) = (self.trouble.hits(rates.slow_body_per_mille), self.trouble.hits(rates.cut_short_per_mille));
        if slow || cut { dribble(result, self.trouble.clone(), cut).await } else { Ok(result) }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (bucket, trouble) = (self.bucket.clone(), self.trouble.clone());
        let deleted = locations.then(move |location| {
            let (bucket, trouble) = (bucket.clone(), trouble.clone());
            async move {
                let location = location?;
                let path = location.clone();
                if trouble.current().keeps_deleted {
                    return Ok(location);
                }
                ask(&trouble, async move { bucket.delete(&path).await }).await.map(|()| location)
            }
        });
        deleted.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (bucket, trouble) = (self.bucket.clone(), self.trouble.clone());
        let listed = self.bucket.objects.list(prefix);
        let torn = trouble.hits(trouble.current().torn_list_per_mille);
        async move {
            let listing = ask(&trouble, async move { Ok(listed.collect::<Vec<_>>().await) }).await;
            let mut listing: Vec<Result<ObjectMeta>> = match listing {
                Ok(listing) => listing.into_iter().map(|found| found.map(|meta| bucket.dated(meta))).collect(),
                Err(error) => vec![Err(error)],
            };
            if torn {
                tear(&mut listing, &trouble, (bucket.clock)());
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

/// Leaves out some of what is new, or all from some point on, where a failure stands instead.
fn tear(listing: &mut Vec<Result<ObjectMeta>>, trouble: &TroubleSwitch, now: i64) {
    if trouble.hits(500) {
        let kept = trouble.below(listing.len() as u64 + 1);
        listing.truncate(usize::try_from(kept).unwrap_or(0));
        listing.push(Err(unavailable()));
        return;
    }
    let age_max = i64::try_from(MISSED_AGE_MAX.as_millis()).unwrap_or(i64::MAX);
    listing.retain(|found| {
        let is_new = found.as_ref().is_ok_and(|meta| now - meta.last_modified.timestamp_millis() < age_max);
        !is_new || trouble.hits(500)
    });
}
