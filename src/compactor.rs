//! The compactor as a part of this binary: put together from the settings, and why it is not ready.

use std::sync::Arc;

use alluvium_compactor::{Compactor, CompactorConfig};
use alluvium_metastore::nodes::Session;
use alluvium_runtime::{SystemClock, SystemRng};
use futures::future::BoxFuture;

use crate::stores::Stores;

/// A compactor over `stores` that holds its leases for `session`.
pub fn compactor(stores: &Stores, config: CompactorConfig, session: Session, rng: Arc<SystemRng>) -> Compactor {
    let (metastore, objects) = (stores.metastore.clone(), stores.objects.clone());
    Compactor::new(metastore, objects, config, session, Arc::new(SystemClock), rng)
}

/// A check that says why a compactor is not ready, or `None` if it is.
pub fn not_ready_reason(
    stores: &Stores,
    session: &Session,
) -> Box<dyn Fn() -> BoxFuture<'static, Option<String>> + Send + Sync> {
    let (feed, session) = (stores.metastore.feed.clone(), session.clone());
    Box::new(move || {
        let (feed, session) = (feed.clone(), session.clone());
        Box::pin(async move {
            match feed.position().await {
                Err(error) => Some(format!("metastore failed: {error}")),
                Ok(_) if !session.is_valid() => Some("not registered: no heartbeat was accepted lately".to_owned()),
                Ok(_) => None,
            }
        })
    })
}
