//! Creating an object only if there is none: the one conditional write.

use bytes::Bytes;
use object_store::{PutMode, PutOptions};
use tokio::time::timeout;

use crate::gather::gather;
use crate::usage::count;
use crate::{Error, ErrorKind, Objects, Operation};

impl Objects {
    /// Writes `parts` as the object at `key` unless there is one; whether it was written. Tried once: after an answer that
    /// was lost, a second try could not tell its own object from another's.
    pub async fn create(&self, key: &str, parts: Vec<Bytes>) -> Result<bool, Error> {
        let path = self.path(Operation::Put, key)?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        count(&self.usage.puts, 1);
        let put = self.store.put_opts(&path, gather(parts), options);
        match timeout(self.config.retry.try_timeout, put).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. })) => Ok(false),
            Ok(Err(error)) => Err(Error::from_store(Operation::Put, key, &error)),
            Err(_) => Err(Error::new(ErrorKind::Timeout, Operation::Put, key, "no answer")),
        }
    }
}
