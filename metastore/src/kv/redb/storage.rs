//! [`Storage`] on a redb database.
//!
//! ```text
//! table "rows"
//! | key of a transaction (below 0xff) | value |
//! | 0xff "/format"                    | u64, big-endian: FORMAT |
//! | 0xff "/version"                   | u64, big-endian: version of the last batch |
//! | 0xff "/in-doubt"                  | what the last batch needs and what undoes it (`in_doubt.rs`), if it is in doubt |
//! ```

use std::{fs::File, sync::Arc};

use ::redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use bytes::Bytes;

use super::{
    in_doubt,
    revocable_disk::{DiskAccess, RevocableDisk},
    store_error::StoreError,
};
use crate::kv::{
    Error, ObjectWitness,
    embedded::{Batch, Rows, Snapshot, Storage, Version},
};

/// The number of the layout above. A store with a higher number is not opened.
pub(super) const FORMAT: u64 = 2;
/// The format before batches could be in doubt; it is changed to [`FORMAT`] when the store is opened.
const FORMAT_WITHOUT_DOUBT: u64 = 1;

const ROWS: TableDefinition<'static, &'static [u8], &'static [u8]> = TableDefinition::new("rows");
const FORMAT_KEY: &[u8] = b"\xff/format";
const VERSION_KEY: &[u8] = b"\xff/version";
const IN_DOUBT_KEY: &[u8] = b"\xff/in-doubt";

/// Bytes of pages that redb caches: the heads, the newest extents and the inner pages of everything else.
const CACHE_BYTES: usize = 128 << 20;

/// The rows of an engine in a redb database, which is opened again after a failure.
pub(in crate::kv) struct RedbStorage {
    disk: Arc<dyn StorageBackend>,
    /// Holds the lock on the file that `disk` writes to; `None` if a test brings a disk of its own.
    lock: Option<File>,
    /// `None` after a failure that has not been recovered from yet.
    open: Option<OpenDatabase>,
    /// Looks for the objects of batches in doubt; without it none is taken.
    witness: Option<Arc<dyn ObjectWitness>>,
    /// The version of the last batch that was applied.
    version: Version,
    /// The version of the last batch that counts for certain: its objects are durable, another was applied after it, or
    /// it was decided about.
    confirmed: Version,
    /// Whether a later batch is undone if it is in doubt, whatever there is of its objects.
    is_distrusted: bool,
}

struct OpenDatabase {
    database: Database,
    access: DiskAccess,
}

impl RedbStorage {
    /// Opens the database on `disk`, or creates it; `lock` is unlocked when this is dropped. If the last batch is in
    /// doubt, `witness` decides about it.
    pub fn new(
        disk: Arc<dyn StorageBackend>,
        lock: Option<File>,
        witness: Option<Arc<dyn ObjectWitness>>,
    ) -> Result<Self, StoreError> {
        let open = OpenDatabase::new(disk.clone())?;
        let version = open.decide(witness.as_deref(), false)?;
        Ok(Self { disk, lock, open: Some(open), witness, version, confirmed: version, is_distrusted: false })
    }

    fn database(&self) -> Result<&OpenDatabase, Error> {
        self.open.as_ref().ok_or_else(|| Error::Storage("the disk failed, and the store has not recovered yet".into()))
    }

    /// Drops the database; nothing that still holds a part of it reaches the disk any more.
    fn abandon(&mut self) {
        if let Some(OpenDatabase { database, access }) = self.open.take() {
            access.revoke();
            drop(database);
        }
    }
}

impl OpenDatabase {
    /// Opens the database on `disk` and repairs it after a crash; creates it if the disk is empty.
    fn new(disk: Arc<dyn StorageBackend>) -> Result<Self, StoreError> {
        let access = DiskAccess::default();
        let backend = RevocableDisk::new(disk, access.clone());
        let database = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(backend)?;
        let open = Self { database, access };
        open.check_format()?;
        Ok(open)
    }

    /// Writes the format into a new store; fails on a newer one.
    fn check_format(&self) -> Result<(), StoreError> {
        let transaction = self.database.begin_write()?;
        let is_changed = {
            let mut rows = transaction.open_table(ROWS)?;
            let found = rows.get(FORMAT_KEY)?.map(|format| number(format.value())).transpose()?;
            match found {
                Some(FORMAT) => false,
                Some(FORMAT_WITHOUT_DOUBT) => {
                    rows.insert(FORMAT_KEY, &FORMAT.to_be_bytes()[..])?;
                    true
                }
                Some(found) if found > FORMAT => return Err(StoreError::NewerFormat(found)),
                Some(found) => return Err(StoreError::Unreadable(format!("no format has the number {found}"))),
                None if rows.first()?.is_some() => {
                    return Err(StoreError::Unreadable("it has no format number".into()));
                }
                None => {
                    rows.insert(FORMAT_KEY, &FORMAT.to_be_bytes()[..])?;
                    rows.insert(VERSION_KEY, &Version::default().0.to_be_bytes()[..])?;
                    true
                }
            }
        };
        if is_changed { Ok(transaction.commit()?) } else { Ok(transaction.abort()?) }
    }

    fn snapshot(&self) -> Result<RedbSnapshot, StoreError> {
        let rows = self.database.begin_read()?.open_table(ROWS)?;
        let version = rows.get(VERSION_KEY)?.ok_or_else(|| StoreError::Unreadable("it has no version".into()))?;
        let version = Version(number(version.value())?);
        Ok(RedbSnapshot { rows, version, access: self.access.clone() })
    }

    /// Decides about a last batch in doubt: it counts if all its objects survived, and is undone if one did not.
    /// Returns the version of the store after that. A batch that counts needs no write, which a full disk would refuse:
    /// its row stays until the next batch, and would be decided in the same way.
    fn decide(&self, witness: Option<&dyn ObjectWitness>, is_distrusted: bool) -> Result<Version, StoreError> {
        let rows = self.database.begin_read()?.open_table(ROWS)?;
        let Some(row) = rows.get(IN_DOUBT_KEY)?.map(|row| row.value().to_vec()) else {
            return Ok(self.snapshot()?.version);
        };
        drop(rows);
        let (store, in_doubt) = in_doubt::decode(&row)?;
        let counts = !is_distrusted && in_doubt::has_survived(&in_doubt, &store, witness)?;
        let version = self.snapshot()?.version;
        if counts {
            return Ok(version);
        }
        let (version, objects) = (version.next(), in_doubt.objects.len());
        tracing::warn!(version = version.0, objects, "undoing the last metastore commit: its objects did not survive");
        self.apply(&in_doubt.undoing(version), "")?;
        Ok(version)
    }

    /// Applies `batch`. The objects that it needs are in `store`.
    fn apply(&self, batch: &Batch, store: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        {
            let mut rows = transaction.open_table(ROWS)?;
            for (begin, end) in &batch.cleared {
                rows.retain_in::<&[u8], _>(&begin[..]..&end[..], |_, _| false)?;
            }
            for (key, value) in &batch.rows {
                match value {
                    Some(value) => drop(rows.insert(&key[..], &value[..])?),
                    None => drop(rows.remove(&key[..])?),
                }
            }
            rows.insert(VERSION_KEY, &batch.version.0.to_be_bytes()[..])?;
            match &batch.in_doubt {
                Some(in_doubt) => drop(rows.insert(IN_DOUBT_KEY, &in_doubt::encode(in_doubt, store)[..])?),
                None => drop(rows.remove(IN_DOUBT_KEY)?),
            }
        }
        Ok(transaction.commit()?)
    }
}

fn number(bytes: &[u8]) -> Result<u64, StoreError> {
    let bytes =
        bytes.try_into().map_err(|_| StoreError::Unreadable("its format or version is not 8 bytes long".into()))?;
    Ok(u64::from_be_bytes(bytes))
}

/// One version of the store: an MVCC read transaction of redb, whose pages stay unchanged while it is held.
pub(in crate::kv) struct RedbSnapshot {
    rows: ReadOnlyTable<&'static [u8], &'static [u8]>,
    version: Version,
    access: DiskAccess,
}

impl RedbSnapshot {
    /// A failure of the disk; or [`Error::TooOld`] if the database was replaced since, because the snapshot went with
    /// it.
    fn failed(&self, error: &::redb::StorageError) -> Error {
        if self.access.is_revoked() { Error::TooOld } else { Error::Storage(error.to_string()) }
    }
}

impl Snapshot for RedbSnapshot {
    fn version(&self) -> Version {
        self.version
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let row = self.rows.get(key).map_err(|error| self.failed(&error))?;
        Ok(row.map(|value| Bytes::copy_from_slice(value.value())))
    }

    fn range(&self, begin: &[u8], end: &[u8], reverse: bool) -> Result<Rows<'_>, Error> {
        if begin >= end {
            return Ok(Box::new(std::iter::empty()));
        }
        let rows = self.rows.range::<&[u8]>(begin..end).map_err(|error| self.failed(&error))?;
        let copied = |row: Result<(::redb::AccessGuard<'_, _>, ::redb::AccessGuard<'_, _>), ::redb::StorageError>| {
            let (key, value) = row.map_err(|error| self.failed(&error))?;
            let (key, value): (&[u8], &[u8]) = (key.value(), value.value());
            Ok((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)))
        };
        if reverse { Ok(Box::new(rows.rev().map(copied))) } else { Ok(Box::new(rows.map(copied))) }
    }
}

impl Storage for RedbStorage {
    type Snapshot = RedbSnapshot;

    const BLOCKS: bool = true;

    fn snapshot(&mut self) -> Result<RedbSnapshot, Error> {
        self.database()?.snapshot().map_err(StoreError::into_error)
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), Error> {
        if !self.is_distrusted {
            self.confirmed = self.version;
        }
        let store = self.witness.as_ref().map_or("", |witness| witness.store());
        self.database()?.apply(batch, store).map_err(StoreError::into_error)?;
        self.version = batch.version;
        self.is_distrusted = false;
        Ok(())
    }

    fn takes_in_doubt(&self) -> bool {
        self.witness.is_some()
    }

    fn confirm(&mut self) {
        let confirmed = self.database().and_then(|open| {
            let version = open.snapshot().map_err(StoreError::into_error)?.version;
            open.apply(&Batch { version, ..Batch::default() }, "").map_err(StoreError::into_error)
        });
        if let Err(error) = confirmed {
            tracing::warn!(%error, "the last metastore commit is looked at again when the store is opened next");
        }
    }

    fn trust(&mut self) {
        self.confirmed = self.version;
    }

    fn distrust(&mut self) {
        self.is_distrusted = true;
    }

    fn disk_bytes(&self) -> Option<u64> {
        self.disk.len().ok()
    }

    fn recover(&mut self) -> Result<(), Error> {
        self.abandon();
        let open = OpenDatabase::new(self.disk.clone()).map_err(StoreError::into_error)?;
        let mut version = open.snapshot().map_err(StoreError::into_error)?.version;
        if version > self.confirmed {
            version = open.decide(self.witness.as_deref(), self.is_distrusted).map_err(StoreError::into_error)?;
        }
        (self.version, self.confirmed, self.is_distrusted) = (version, version, false);
        self.open = Some(open);
        Ok(())
    }
}

impl Drop for RedbStorage {
    fn drop(&mut self) {
        if let Some(OpenDatabase { database, access }) = self.open.take() {
            // Closed before the access is revoked, so that the next start has nothing to repair.
            drop(database);
            access.revoke();
        }
        if let Some(lock) = self.lock.take()
            && let Err(error) = lock.unlock()
        {
            tracing::warn!(%error, "cannot unlock the metastore's file; the lock ends with this process");
        }
    }
}
