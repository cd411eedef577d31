//! Opening the metastore and the object store.

use std::sync::Arc;

use alluvium_metastore::{
    Metastore,
    kv::{Db, Engine, FdbEngine, FdbOptions, RedbEngine},
};
use alluvium_objects::{Objects, ObjectsConfig};
use alluvium_runtime::{Rng, SystemRng};
use anyhow::{Context, Result};

use crate::{
    config::{MetastoreLocation, Settings, StoreLocation},
    segment_witness::SegmentWitness,
};

/// The stores of one process.
pub struct Stores {
    /// The open metastore.
    pub metastore: Metastore,
    /// The object store, which was checked to be usable.
    pub objects: Objects,
    engine: OpenEngine,
}

/// The metastore's engine, which must be closed.
pub enum OpenEngine {
    /// The embedded engine on a redb file.
    Redb(Arc<RedbEngine>),
    /// The engine on FoundationDB.
    Fdb(Arc<FdbEngine>),
}

impl Stores {
    /// Opens both stores and checks that they can be used.
    ///
    /// # Errors
    /// If one cannot be opened or written; the message says which, and what to do.
    pub async fn open(settings: &Settings, rng: Arc<SystemRng>) -> Result<Self> {
        let objects = open_objects(settings, &*rng).await?;
        let (metastore, engine) = open_metastore(settings, rng).await?;
        Ok(Self { metastore, objects, engine })
    }

    /// Closes the metastore: commits under way are answered first.
    pub async fn close(self) {
        self.engine.close().await;
    }
}

/// Opens the object store and checks that it can be used.
///
/// # Errors
/// If it does not exist or denies access.
pub async fn open_objects(settings: &Settings, rng: &dyn Rng) -> Result<Objects> {
    let config =
        ObjectsConfig { seed: rng.next_u64(), retry: settings.store_retry.clone(), ..ObjectsConfig::default() };
    let context = || format!("object store {}", settings.store);
    let objects = open_unchecked(&settings.store, config).await.with_context(context)?;
    objects.check().await.with_context(context)?;
    Ok(objects)
}

/// Opens the object store, without a check that it can be used.
///
/// # Errors
/// If the location is invalid, or a directory cannot be created.
pub async fn open_unchecked(store: &StoreLocation, config: ObjectsConfig) -> Result<Objects, alluvium_objects::Error> {
    match store {
        StoreLocation::Memory => Ok(Objects::memory(config)),
        StoreLocation::Local { directory } => alluvium_objects::open_directory(directory, config).await,
        StoreLocation::S3(bucket) => alluvium_s3::open(bucket, config).await,
    }
}

/// Opens the metastore, or creates it.
///
/// # Errors
/// If it is in use, unreadable, unreachable or has a newer format.
pub async fn open_metastore(settings: &Settings, rng: Arc<SystemRng>) -> Result<(Metastore, OpenEngine)> {
    let context = || format!("metastore {}", settings.metastore);
    let engine = OpenEngine::open(&settings.metastore, &settings.store).await.with_context(context)?;
    let db = Db::new(engine.as_engine(), rng.clone());
    Ok((Metastore::open(db, &*rng).await.with_context(context)?, engine))
}

impl OpenEngine {
    /// Opens the engine at `location`, beside objects in `store`.
    async fn open(location: &MetastoreLocation, store: &StoreLocation) -> Result<Self> {
        match location.clone() {
            MetastoreLocation::Redb(directory) => {
                let store = store.clone();
                let opening = tokio::task::spawn_blocking(move || {
                    // It has to exist for its file system to be known; if it cannot be created, opening says why.
                    std::fs::create_dir_all(&directory).ok();
                    match SegmentWitness::of(&store, &directory) {
                        Some(witness) => RedbEngine::open_beside(directory, witness),
                        None => RedbEngine::open(directory),
                    }
                });
                Ok(Self::Redb(Arc::new(opening.await.context("opening the metastore")??)))
            }
            MetastoreLocation::Fdb { cluster_file, prefix, library } => {
                let options = FdbOptions { cluster_file, prefix: prefix.into_bytes(), library };
                Ok(Self::Fdb(Arc::new(FdbEngine::open(options).await?)))
            }
        }
    }

    fn as_engine(&self) -> Arc<dyn Engine> {
        match self {
            Self::Redb(engine) => engine.clone(),
            Self::Fdb(engine) => engine.clone(),
        }
    }

    /// Closes the engine: commits under way are answered, everything else fails from now on.
    pub async fn close(&self) {
        match self {
            Self::Redb(engine) => engine.close().await,
            Self::Fdb(engine) => engine.close().await,
        }
    }
}
