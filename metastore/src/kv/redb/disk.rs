//! The file below redb, which outlives the redb databases opened on it one after the other.
//!
//! After any failure of the disk redb refuses all further work, so the database is opened again, in this process and under
//! the same lock. [`Fenced`] makes sure that of two databases on one file only the newer reaches it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ::redb::StorageBackend;

/// One database's way to the disk, until it is fenced off.
#[derive(Debug)]
pub(super) struct Fenced {
    disk: Arc<dyn StorageBackend>,
    fence: Fence,
}

/// Raised once, for good, when its database is replaced or closed.
#[derive(Clone, Debug, Default)]
pub(super) struct Fence(Arc<AtomicBool>);

impl Fence {
    pub fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Fenced {
    pub fn new(disk: Arc<dyn StorageBackend>, fence: Fence) -> Self {
        Self { disk, fence }
    }

    fn disk(&self) -> io::Result<&dyn StorageBackend> {
        if self.fence.is_raised() {
            return Err(io::Error::other("the database was replaced by a newer one on the same file"));
        }
        Ok(&*self.disk)
    }
}

/// Locks are not passed on: the lock on the whole file, taken once by `open`, covers all databases on it.
impl StorageBackend for Fenced {
    fn len(&self) -> io::Result<u64> {
        self.disk()?.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk()?.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk()?.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk()?.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk()?.write(offset, data)
    }
}
