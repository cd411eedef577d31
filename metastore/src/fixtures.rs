//! Stores for tests, one line each: in memory, without or with seeded faults.

use std::sync::Arc;

use crate::{
    Metastore,
    ambient::SeededEntropy,
    kv::{Db, Faults, MemoryEngine},
};

/// A fresh store in memory that never fails.
pub async fn memory() -> Metastore {
    open(Faults::none()).await
}

/// A fresh store in memory with seeded `faults`.
pub async fn open(faults: Faults) -> Metastore {
    let entropy = Arc::new(SeededEntropy::new(1));
    let db = Db::new(Arc::new(MemoryEngine::new(faults)), entropy.clone());
    Metastore::open(db, &*entropy).await.expect("a store in memory opens")
}
