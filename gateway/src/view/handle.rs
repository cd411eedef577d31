//! The handle of the picture.

use std::sync::Arc;

use alluvium_model::log::Head;
use alluvium_model::{TopicId, TopicPartition};

use super::{TopicView, ViewError};

/// The picture. Clones share it.
#[derive(Clone)]
pub struct View {}

impl View {
    /// The topic called `name`.
    #[must_use]
    pub fn topic_by_name(&self, name: &str) -> Option<Arc<TopicView>> {
        let _ = name;
        unimplemented!()
    }

    /// The topic with this id.
    #[must_use]
    pub fn topic_by_id(&self, id: TopicId) -> Option<Arc<TopicView>> {
        let _ = id;
        unimplemented!()
    }

    /// All topics, by name.
    #[must_use]
    pub fn topics(&self) -> Vec<Arc<TopicView>> {
        unimplemented!()
    }

    /// The head of `partition`, read from the metastore the first time; `None` where there is no such partition.
    ///
    /// # Errors
    /// Where the metastore does not answer.
    pub async fn head(&self, partition: TopicPartition) -> Result<Option<Head>, ViewError> {
        let _ = partition;
        unimplemented!()
    }

    /// Reads the feed up to its tip: what was committed before the call is in the picture after it. Call it after every
    /// mutation of one's own and before answering that something does not exist.
    ///
    /// # Errors
    /// Where the metastore does not answer.
    pub async fn sync(&self) -> Result<(), ViewError> {
        unimplemented!()
    }
}
