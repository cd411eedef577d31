//! The file under redb, which outlives the redb databases that are opened on it one after the other.
//!
//! After any failure of the disk redb refuses all further work, so the database is opened again, in this process and
//! under the same lock. [`RevocableDisk`] makes sure that of two databases on one file only the newer one reaches it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ::redb::StorageBackend;

/// The disk as one database reaches it, until its access is revoked.
#[derive(Debug)]
pub(super) struct RevocableDisk {
    disk: Arc<dyn StorageBackend>,
    access: DiskAccess,
}

/// Whether a database may use the disk. Revoked, and never granted again, when the database is replaced or closed.
#[derive(Clone, Debug, Default)]
pub(super) struct DiskAccess(Arc<AtomicBool>);

impl DiskAccess {
    /// Revokes the access; it is never granted again.
    pub fn revoke(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the access was revoked.
    pub fn is_revoked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl RevocableDisk {
    /// `disk` for as long as `access` is not revoked.
    pub fn new(disk: Arc<dyn StorageBackend>, access: DiskAccess) -> Self {
        Self { disk, access }
    }

    fn disk(&self) -> io::Result<&dyn StorageBackend> {
        if self.access.is_revoked() {
            return Err(io::Error::other("the database was replaced by a newer one on the same file"));
        }
        Ok(&*self.disk)
    }
}

/// Locking is not forwarded: the lock on the whole file, taken once by `open`, covers all databases on it.
impl StorageBackend for RevocableDisk {
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
