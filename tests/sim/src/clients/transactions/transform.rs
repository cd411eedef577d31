//! The producing side of a loop that consumes, transforms and produces: what was consumed since the last commit becomes
//! records of one transaction, which commits the offsets of the group as well.

use std::time::Duration;

use super::super::Client;
use super::producer::places;
use super::session::{ConsumedOffsets, Failed, Session, TransactionalPlan};

/// How a loop works.
#[derive(Clone, Debug)]
pub struct TransformPlan {
    /// Its producer.
    pub producer: TransactionalPlan,
    /// The topic that it writes to.
    pub output: String,
    /// Whether its group manages members (KIP-447); otherwise it has all partitions, and its transactional id fences
    /// others like it.
    pub has_members: bool,
}

/// What was consumed, by topic.
pub type Consumed = Vec<ConsumedOffsets>;

/// The producing side of a loop.
pub struct Transform<'a> {
    client: &'a Client,
    /// How it works.
    pub plan: TransformPlan,
    session: Session<'a>,
}

impl<'a> Transform<'a> {
    /// A loop that has not taken its transactional id over.
    pub fn new(client: &'a Client, plan: TransformPlan) -> Self {
        let session = Session::new(client, plan.producer.clone());
        Self { client, plan, session }
    }

    /// Whether it may go on; if not, offsets have to be fetched anew after [`Transform::init`].
    pub fn is_ready(&self) -> bool {
        self.session.is_ready()
    }

    /// Takes the transactional id over: whatever was open is aborted, and what comes late is fenced.
    pub async fn init(&mut self) -> bool {
        self.session.init().await
    }

    /// What was consumed for a group's member, or for nobody in particular.
    pub fn consumed(
        group: &str,
        member: Option<(i32, String)>,
        topic: &str,
        partitions: Vec<(alluvium_model::TopicPartition, i64, i64)>,
    ) -> ConsumedOffsets {
        ConsumedOffsets { group: group.to_owned(), member, topic: topic.to_owned(), partitions }
    }

    /// Runs one transaction. Whether it committed; if not, the loop has to begin anew.
    pub async fn run(&mut self, consumed: &Consumed) -> bool {
        let outcome = self.transaction(consumed).await;
        if outcome.is_err() {
            self.session.fail();
        }
        outcome.is_ok()
    }

    async fn transaction(&mut self, consumed: &Consumed) -> Result<(), Failed> {
        self.session.begin()?;
        let places = places(self.client, &mut self.session, Some(&self.plan.output)).await;
        if places.is_empty() {
            return Err(Failed);
        }
        let outcome = self.fill(places, consumed).await;
        let commits = outcome.is_ok() && self.client.rng.chance(850);
        if commits {
            return self.session.end(true).await;
        }
        if self.client.rng.chance(700) {
            let _ = self.session.end(false).await;
        }
        Err(Failed)
    }

    /// Writes records and offsets, in either order.
    async fn fill(
        &mut self,
        places: Vec<(alluvium_client::TopicLayout, i32)>,
        consumed: &Consumed,
    ) -> Result<(), Failed> {
        let is_offsets_first = self.client.rng.chance(300);
        if is_offsets_first {
            self.commit_offsets(consumed).await?;
        }
        self.session.write(places).await?;
        if self.client.rng.chance(300) {
            self.client.think(Duration::from_millis(1), self.plan.producer.think_max).await;
        }
        if !is_offsets_first {
            self.commit_offsets(consumed).await?;
        }
        Ok(())
    }

    async fn commit_offsets(&mut self, consumed: &Consumed) -> Result<(), Failed> {
        for offsets in consumed {
            self.session.commit_offsets(offsets).await?;
        }
        Ok(())
    }
}
