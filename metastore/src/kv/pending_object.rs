//! Objects that are made durable beside the transaction that names them.
//!
//! On the embedded store an object and the commit that names it share one disk, and the second sync would wait for the
//! first. Instead both run side by side: the engine writes the commit with what undoes it, answers and shows it only
//! once the objects are durable as well, and after a crash undoes it unless [`ObjectWitness`] finds every one of them.

use std::{fmt, io};

use tokio::sync::watch;

use super::Error;

/// Name of an object that a transaction needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// Key of the object in its store.
    pub key: String,
    /// Size of the object in bytes.
    pub bytes: u64,
}

/// An object that is being written. Clones are the same object.
#[derive(Clone, Debug)]
pub struct PendingObject {
    name: ObjectName,
    written: watch::Receiver<Option<bool>>,
}

/// Reports whether a [`PendingObject`] became durable. Dropped without a report, it did not.
#[derive(Debug)]
pub struct WriteReport(watch::Sender<Option<bool>>);

impl PendingObject {
    /// The object at `key` with `bytes` bytes, and where the end of its write is reported.
    #[must_use]
    pub fn new(key: String, bytes: u64) -> (Self, WriteReport) {
        let (report, written) = watch::channel(None);
        (Self { name: ObjectName { key, bytes }, written }, WriteReport(report))
    }

    /// Key and size of the object.
    #[must_use]
    pub fn name(&self) -> &ObjectName {
        &self.name
    }

    /// Waits until the object is durable; false if it could not be written.
    pub async fn is_durable(mut self) -> bool {
        self.written.wait_for(Option::is_some).await.is_ok_and(|written| *written == Some(true))
    }
}

impl WriteReport {
    /// The object is durable, or its write has failed and nothing of it will be read.
    pub fn report(self, is_durable: bool) {
        // Nobody waits if the commit was given up.
        let _ = self.0.send(Some(is_durable));
    }
}

/// Waits until all of `objects` are durable; fails if one will not be.
pub(super) async fn all_durable(objects: Vec<PendingObject>) -> Result<(), Error> {
    for object in objects {
        let key = object.name.key.clone();
        if !object.is_durable().await {
            return Err(Error::ObjectNotWritten { key });
        }
    }
    Ok(())
}

/// Looks for objects after a crash.
pub trait ObjectWitness: Send + Sync + fmt::Debug {
    /// Which store it looks in. What was written for another one cannot be decided here.
    fn store(&self) -> &str;

    /// Whether `object` survived as a whole, by its checksums; if so it is durable when this returns.
    ///
    /// # Errors
    /// If that cannot be known: only an object that is absent or damaged for certain has not survived.
    fn has_survived(&self, object: &ObjectName) -> io::Result<bool>;
}
