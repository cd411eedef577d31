//! Deletion of many objects in one request, with a result for each.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use futures::{StreamExt, stream};
use object_store::path::Path;

use crate::usage::count;
use crate::{Error, ErrorKind, Objects, Operation};

impl Objects {
    /// Deletes the objects at `keys`. Absent objects count as deleted. After an error some may be left.
    pub async fn delete(&self, keys: &[String]) -> Result<(), Error> {
        self.delete_each(keys).await.into_iter().collect()
    }

    /// Deletes the objects at `keys`, with one result for each, in their order. Absent objects count as deleted. If
    /// some fail and others do not, nothing is tried again: one bad object must not hold up the rest. If all fail, the
    /// store does, and the request is retried like any other.
    pub async fn delete_each(&self, keys: &[String]) -> Vec<Result<(), Error>> {
        let Some(first) = keys.first() else { return Vec::new() };
        let paths: Vec<Result<Path, Error>> = keys.iter().map(|key| self.path(Operation::Delete, key)).collect();
        let valid: Vec<Path> = paths.iter().filter_map(|path| path.clone().ok()).collect();
        let results: Mutex<Vec<Result<(), Error>>> = Mutex::default();
        let attempt = || async {
            let deleted = self.delete_once(&valid).await;
            let all_failed = deleted.iter().all(Result::is_err);
            let failure = deleted.iter().find_map(|result| result.clone().err()).filter(|_| all_failed);
            *results.lock().unwrap_or_else(PoisonError::into_inner) = deleted;
            failure.map_or(Ok(()), Err)
        };
        let outcome = if valid.is_empty() {
            Ok(())
        } else {
            self.with_retries(Operation::Delete, first, &self.slots.others, 0, attempt).await
        };
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter();
        // If the last try got no response, its error is that of every object without a result.
        let missing = || outcome.clone();
        let results: Vec<_> =
            paths.into_iter().map(|path| path.and_then(|_| results.next().unwrap_or_else(missing))).collect();
        count(&self.usage.deletes, results.iter().filter(|result| result.is_ok()).count() as u64);
        results
    }

    /// One try. A store answers for each object in order, but if a request for many of them fails as a whole, there is
    /// one answer for all of them.
    async fn delete_once(&self, paths: &[Path]) -> Vec<Result<(), Error>> {
        let requests = stream::iter(paths.to_vec()).map(Ok).boxed();
        let answers: Vec<_> = self.store.delete_stream(requests).collect().await;
        let is_in_order = answers.len() == paths.len();
        let failure = answers.iter().find_map(|answer| answer.as_ref().err());
        let deleted: BTreeSet<&Path> = answers.iter().flatten().collect();
        let result = |(at, path): (usize, &Path)| {
            let error = match answers.get(at) {
                Some(Err(error)) if is_in_order => error,
                _ if deleted.contains(path) => return Ok(()),
                _ => match failure {
                    Some(error) => error,
                    None => return Err(Error::new(ErrorKind::Other, Operation::Delete, self.name(path), "no answer")),
                },
            };
            let error = Error::from_store(Operation::Delete, self.name(path), error);
            if error.kind == ErrorKind::NotFound { Ok(()) } else { Err(error) }
        };
        paths.iter().enumerate().map(result).collect()
    }

    /// The key of the object at `path`, for messages.
    fn name<'a>(&self, path: &'a Path) -> &'a str {
        self.key(path).unwrap_or(path.as_ref())
    }
}
