//! Opening what everything else stands on: the metastore and the object store.

use std::sync::Arc;

use alluvium_metastore::{
    Metastore,
    ambient::{Entropy, SystemEntropy},
    kv::{Db, Engine, RedbEngine},
};
use alluvium_objects::{Objects, ObjectsConfig};
use anyhow::{Context, Result};

use crate::config::{MetastoreLocation, Settings};

/// The stores of one process.
pub struct Stores {
    pub metastore: Metastore,
    pub objects: Objects,
    engine: Arc<RedbEngine>,
}

impl Stores {
    /// Opens both and checks that they can be used.
    ///
    /// # Errors
    /// Where one cannot be opened or written; the message says which and what to do.
    pub async fn open(settings: &Settings, entropy: Arc<SystemEntropy>) -> Result<Self> {
        let objects = open_objects(settings, &*entropy).await?;
        let (metastore, engine) = open_metastore(settings, entropy).await?;
        Ok(Self { metastore, objects, engine })
    }

    /// Closes the metastore in good order.
    pub async fn close(self) {
        self.engine.close().await;
    }
}

/// Opens the object store and probes it.
///
/// # Errors
/// Where it is not there or does not grant access.
pub async fn open_objects(settings: &Settings, entropy: &dyn Entropy) -> Result<Objects> {
    let config =
        ObjectsConfig { seed: entropy.next_u64(), retry: settings.store_retry.clone(), ..ObjectsConfig::default() };
    let about = || format!("object store {}", settings.store);
    let objects = alluvium_objects::open(&settings.store, config).await.with_context(about)?;
    objects.check().await.with_context(about)?;
    Ok(objects)
}

/// Opens the metastore, or creates it.
///
/// # Errors
/// Where it is in use, unreadable or of a newer format.
pub async fn open_metastore(settings: &Settings, entropy: Arc<SystemEntropy>) -> Result<(Metastore, Arc<RedbEngine>)> {
    let about = format!("metastore {}", settings.metastore);
    let MetastoreLocation::Redb(directory) = settings.metastore.clone() else {
        anyhow::bail!("{about}: FoundationDB is not supported yet; use redb:DIR")
    };
    let opening = tokio::task::spawn_blocking(move || RedbEngine::open(directory));
    let engine = Arc::new(opening.await.context("opening the metastore")?.with_context(|| about.clone())?);
    let db = Db::new(engine.clone() as Arc<dyn Engine>, entropy.clone());
    Ok((Metastore::open(db, &*entropy).await.context(about)?, engine))
}
