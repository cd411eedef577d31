//! The rows that make a store ours.
//!
//! ```text
//! key   | FORMAT |     value | version: 1 (1) | format version: 4 |
//! key   | CLUSTER |    value | version: 1 (1) | cluster id: text |
//! ```

use alluvium_model::limits;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;

use crate::{
    keyspace::{Key, RowError, RowReader, RowWriter, Tag},
    kv::{self, Db, Tx},
};
use alluvium_runtime::{Rng, uuid_v4};

/// The format version of the stores that this program reads and writes.
pub const FORMAT_VERSION: u32 = 1;

const ROW_VERSION: u8 = 1;
/// Bytes of a cluster id that anyone ever wrote.
const CLUSTER_ID_BYTES_MAX: usize = 64;
const _: () = assert!(CLUSTER_ID_BYTES_MAX < limits::METASTORE_VALUE_BYTES_MAX);

/// Which cluster a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// 22 characters: a random UUID in URL-safe base64, as Kafka writes it.
    pub id: String,
    /// The format version of the store.
    pub format: u32,
}

/// Why a store cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// A newer program has written it.
    #[error(
        "the metastore is in format version {found}, written by a newer Alluvium; this one reads up to version \
         {supported}: upgrade it, or use another data directory"
    )]
    NewerFormat {
        /// Its format version.
        found: u32,
        /// The newest format version that this program knows.
        supported: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Kv(#[from] kv::Error),
    /// A stored row cannot be read.
    #[error(transparent)]
    Row(#[from] RowError),
}

impl Cluster {
    /// Reads which cluster the store behind `db` is; a fresh store becomes a new one.
    pub async fn open(db: &Db, rng: &dyn Rng) -> Result<Self, OpenError> {
        let fresh = Self { id: fresh_id(rng), format: FORMAT_VERSION };
        db.run("cluster.open", |tx| {
            let fresh = fresh.clone();
            async move { open(&tx, fresh).await }
        })
        .await
    }
}

async fn open(tx: &Tx, fresh: Cluster) -> Result<Cluster, OpenError> {
    let (format_key, cluster_key) = (Key::new(Tag::FORMAT).bytes(), Key::new(Tag::CLUSTER).bytes());
    let Some(row) = tx.get(&format_key).await? else {
        tx.set(&format_key, &RowWriter::new(ROW_VERSION).u32(fresh.format).finish());
        tx.set(&cluster_key, &RowWriter::new(ROW_VERSION).text(&fresh.id).finish());
        return Ok(fresh);
    };
    let mut reader = RowReader::new("format", &row, ROW_VERSION)?;
    let format = reader.u32()?;
    if format > FORMAT_VERSION {
        return Err(OpenError::NewerFormat { found: format, supported: FORMAT_VERSION });
    }
    reader.finish()?;
    let row = tx.get(&cluster_key).await?.unwrap_or_default();
    let mut reader = RowReader::new("cluster", &row, ROW_VERSION)?;
    let id = reader.text()?;
    if id.is_empty() || id.len() > CLUSTER_ID_BYTES_MAX {
        return Err(reader.malformed("cluster id").into());
    }
    reader.finish()?;
    Ok(Cluster { id, format })
}

/// An id that does not begin with `-`, which command lines would take for an option.
fn fresh_id(rng: &dyn Rng) -> String {
    loop {
        let id = URL_SAFE_NO_PAD.encode(uuid_v4(rng).as_bytes());
        if !id.starts_with('-') {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kv::MemoryEngine;
    use alluvium_runtime::SeededRng;

    fn fresh() -> Db {
        Db::new(Arc::new(MemoryEngine::default()), Arc::new(SeededRng::new(1)))
    }

    #[tokio::test]
    async fn a_store_keeps_the_cluster_id_that_its_first_opening_gave_it() {
        let db = fresh();
        let first = Cluster::open(&db, &SeededRng::new(1)).await.unwrap();
        assert_eq!((first.id.len(), first.format), (22, FORMAT_VERSION));
        assert_eq!(Cluster::open(&db, &SeededRng::new(2)).await, Ok(first));
    }

    #[tokio::test]
    async fn a_store_of_a_newer_format_is_refused_naming_both_versions() {
        let db = fresh();
        let newer = |tx: Tx| async move {
            // A newer program may add fields behind the version.
            let row = RowWriter::new(ROW_VERSION).u32(7).u32(0).finish();
            tx.set(&Key::new(Tag::FORMAT).bytes(), &row);
            Ok::<_, kv::Error>(())
        };
        db.run("newer", newer).await.unwrap();
        let refused = Cluster::open(&db, &SeededRng::new(1)).await.unwrap_err();
        assert_eq!(refused, OpenError::NewerFormat { found: 7, supported: 1 });
        let text = refused.to_string();
        assert!(text.contains("version 7") && text.contains("up to version 1"), "{text}");
    }

    #[test]
    fn no_cluster_id_looks_like_an_option() {
        assert!((0..500).all(|seed| !fresh_id(&SeededRng::new(seed)).starts_with('-')));
    }
}
