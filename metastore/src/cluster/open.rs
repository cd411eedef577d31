//! Opening a store: a fresh one becomes a new cluster, one in another format is rejected.

use alluvium_runtime::{Rng, uuid_v4};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error as ThisError;

use super::row::{cluster_key, decode_cluster, decode_format, encode_cluster, encode_format, format_key};
use crate::{
    keyspace::{Error, RowError},
    kv::{self, Db, Tx},
};

/// The format version of the stores that this program reads and writes.
///
/// Version 2: log starts and sizes in rows of their own, counters and a queue of released references. Version 3: what is
/// open of a transaction in rows of its own.
pub const FORMAT_VERSION: u32 = 3;

/// The cluster that a store belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its id, 22 characters: a random UUID in URL-safe base64, as Kafka writes it.
    pub id: String,
    /// The format version of the store.
    pub format: u32,
}

/// Why a store cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum OpenError {
    /// A newer version of the program has written it.
    #[error(
        "the metastore is in format version {found}, written by a newer Alluvium; this one reads up to version \
         {supported}: upgrade it, or use another data directory"
    )]
    NewerFormat {
        /// The format version of the store.
        found: u32,
        /// The newest format version that this program knows.
        supported: u32,
    },
    /// An older version of the program has written it, and nothing converts it.
    #[error(
        "the metastore is in format version {found}, written by an older Alluvium that was never released; this one \
         reads only version {supported}: use another data directory (with FoundationDB another prefix) and another \
         bucket or prefix in it, and copy the records with a Kafka client from the older program if they are needed"
    )]
    OlderFormat {
        /// The format version of the store.
        found: u32,
        /// The only format version that this program knows.
        supported: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Kv(#[from] kv::Error),
    /// A stored row cannot be read.
    #[error(transparent)]
    Row(#[from] RowError),
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        match error {
            Error::Kv(error) => Self::Kv(error),
            Error::Row(error) => Self::Row(error),
        }
    }
}

impl Cluster {
    /// Reads which cluster the store behind `db` belongs to; a fresh store becomes a new cluster.
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
    let Some(row) = tx.get(&format_key()).await? else {
        tx.set(&format_key(), &encode_format(fresh.format));
        tx.set(&cluster_key(), &encode_cluster(&fresh.id));
        return Ok(fresh);
    };
    let (format, rest) = decode_format(&row)?;
    if format > FORMAT_VERSION {
        return Err(OpenError::NewerFormat { found: format, supported: FORMAT_VERSION });
    }
    rest.finish()?;
    if format < FORMAT_VERSION {
        return Err(OpenError::OlderFormat { found: format, supported: FORMAT_VERSION });
    }
    let row = tx.get(&cluster_key()).await?.unwrap_or_default();
    Ok(Cluster { id: decode_cluster(&row)?, format })
}

/// A random id that does not begin with `-`: command lines would take it for an option.
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
            tx.set(&format_key(), &[encode_format(7), vec![0; 4]].concat());
            Ok::<_, kv::Error>(())
        };
        db.run("newer", newer).await.unwrap();
        let error = Cluster::open(&db, &SeededRng::new(1)).await.unwrap_err();
        assert_eq!(error, OpenError::NewerFormat { found: 7, supported: 3 });
        let text = error.to_string();
        assert!(text.contains("version 7") && text.contains("up to version 3"), "{text}");
    }

    #[tokio::test]
    async fn a_store_of_the_older_format_is_refused_and_stays_as_it_is() {
        let db = fresh();
        let older = |tx: Tx| async move {
            tx.set(&format_key(), &encode_format(1));
            Ok::<_, kv::Error>(())
        };
        db.run("older", older).await.unwrap();
        let error = Cluster::open(&db, &SeededRng::new(1)).await.unwrap_err();
        assert_eq!(error, OpenError::OlderFormat { found: 1, supported: 3 });
        assert!(error.to_string().contains("use another data directory"), "{error}");
        let stored = db.read("format", |tx| async move { tx.get(&format_key()).await }).await.unwrap();
        assert_eq!(stored.as_deref(), Some(&encode_format(1)[..]));
    }

    #[test]
    fn no_cluster_id_looks_like_an_option() {
        assert!((0..500).all(|seed| !fresh_id(&SeededRng::new(seed)).starts_with('-')));
    }
}
