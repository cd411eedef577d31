//! A store that fails by rules.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::time::sleep;

use super::{Fault, FaultRule};
use crate::Operation;

/// Switches faults of a [`FaultStore`] on and off.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<FaultRule>>>);

impl Faults {
    /// Adds a rule after the existing ones.
    pub fn inject(&self, rule: FaultRule) {
        self.rules().push(rule);
    }

    /// Removes all rules. Requests that already hang continue to hang.
    pub fn heal(&self) {
        self.rules().clear();
    }

    fn pick(&self, operation: Operation, key: &str) -> Option<Fault> {
        self.pick_for(operation, key, None)
    }

    fn pick_for(&self, operation: Operation, key: &str, content: Option<&PutPayload>) -> Option<Fault> {
        self.rules().iter_mut().find_map(|rule| rule.applies(operation, key, content).then(|| rule.fault.clone()))
    }

    fn rules(&self) -> MutexGuard<'_, Vec<FaultRule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store that works unless a rule of its [`Faults`] applies.
#[derive(Debug)]
pub struct FaultStore {
    inner: Arc<dyn ObjectStore>,
    faults: Faults,
}

impl FaultStore {
    /// A store around `inner` without rules, and the switch to add some.
    #[must_use]
    pub fn new(inner: Arc<dyn ObjectStore>) -> (Self, Faults) {
        let faults = Faults::default();
        (Self { inner, faults: faults.clone() }, faults)
    }
}

impl fmt::Display for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultStore({})", self.inner)
    }
}

/// The part of a fault that takes effect after the request.
enum ResponseFault {
    None,
    Fail(Error),
    Body(Fault),
}

/// Applies the part of `fault` that takes effect before the request.
async fn apply_before(fault: Option<Fault>, key: &str) -> Result<ResponseFault> {
    match fault {
        None => Ok(ResponseFault::None),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Delay(delay)) => {
            sleep(delay).await;
            Ok(ResponseFault::None)
        }
        Some(Fault::DoneButUnavailable) => Ok(ResponseFault::Fail(unavailable())),
        Some(fault @ (Fault::CutShort(_) | Fault::Flipped(_))) => Ok(ResponseFault::Body(fault)),
        Some(Fault::Unavailable) => Err(unavailable()),
        Some(Fault::Denied) => Err(Error::PermissionDenied { path: key.to_owned(), source: "injected".into() }),
        Some(Fault::NotFound) => Err(Error::NotFound { path: key.to_owned(), source: "injected".into() }),
        Some(Fault::NoSuchBucket) => Err(Error::NotFound { path: key.to_owned(), source: "NoSuchBucket".into() }),
        Some(Fault::Full) => {
            Err(Error::Generic { store: "FaultStore", source: io::Error::from(io::ErrorKind::StorageFull).into() })
        }
    }
}

pub(super) fn unavailable() -> Error {
    let text = "Server returned non-2xx status code: 503 Service Unavailable: SlowDown (injected)";
    Error::Generic { store: "FaultStore", source: text.into() }
}

/// Damages the body of `result`.
async fn damage(result: GetResult, fault: &Fault) -> Result<GetResult> {
    let GetResult { meta, range, attributes, extensions, .. } = &result;
    let (meta, range, attributes, extensions) = (meta.clone(), range.clone(), attributes.clone(), extensions.clone());
    let mut body = result.bytes().await?.to_vec();
    match fault {
        Fault::CutShort(bytes) => body.truncate(*bytes),
        Fault::Flipped(at) => {
            let at = (*at).min(body.len().saturating_sub(1));
            body.iter_mut().skip(at).take(1).for_each(|byte| *byte = !*byte);
        }
        _ => {}
    }
    let payload = GetResultPayload::Stream(stream::iter([Ok(Bytes::from(body))]).boxed());
    Ok(GetResult { payload, meta, range, attributes, extensions })
}

/// Applies the rest of a fault to the result of a request that was done.
fn apply_after<T>(rest: ResponseFault, done: T) -> Result<T> {
    match rest {
        ResponseFault::Fail(error) => Err(error),
        ResponseFault::None | ResponseFault::Body(_) => Ok(done),
    }
}

#[async_trait]
impl ObjectStore for FaultStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let fault = self.faults.pick_for(Operation::Put, location.as_ref(), Some(&payload));
        let rest = apply_before(fault, location.as_ref()).await?;
        apply_after(rest, self.inner.put_opts(location, payload, opts).await?)
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let rest = apply_before(self.faults.pick(Operation::Put, location.as_ref()), location.as_ref()).await?;
        apply_after(rest, self.inner.put_multipart_opts(location, opts).await?)
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let rest = apply_before(self.faults.pick(Operation::Get, location.as_ref()), location.as_ref()).await?;
        let result = self.inner.get_opts(location, options).await?;
        match rest {
            ResponseFault::Body(fault) => damage(result, &fault).await,
            rest => apply_after(rest, result),
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (inner, faults) = (Arc::clone(&self.inner), self.faults.clone());
        locations
            .then(move |location| {
                let (inner, faults) = (Arc::clone(&inner), faults.clone());
                async move {
                    let location = location?;
                    let rest =
                        apply_before(faults.pick(Operation::Delete, location.as_ref()), location.as_ref()).await?;
                    let one = stream::iter([Ok(location)]).boxed();
                    let done = inner.delete_stream(one).next().await.unwrap_or_else(|| Err(unavailable()))?;
                    apply_after(rest, done)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let key = prefix.map(ToString::to_string).unwrap_or_default();
        let fault = self.faults.pick(Operation::List, &key);
        let listing = self.inner.list(prefix);
        async move {
            match apply_before(fault, &key).await.and_then(|rest| apply_after(rest, ())) {
                Ok(()) => listing,
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        }
        .flatten_stream()
        .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let key = prefix.map(ToString::to_string).unwrap_or_default();
        let rest = apply_before(self.faults.pick(Operation::List, &key), &key).await?;
        apply_after(rest, self.inner.list_with_delimiter(prefix).await?)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let rest = apply_before(self.faults.pick(Operation::Put, to.as_ref()), to.as_ref()).await?;
        apply_after(rest, self.inner.copy_opts(from, to, options).await?)
    }
}
