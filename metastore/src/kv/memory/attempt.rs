//! An attempt that meets the faults on its way.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::dice::{Dice, Fate};
use crate::kv::{Attempt, Error, Isolation, Mutation, Range, Watch};

pub(super) struct FaultyAttempt {
    attempt: Arc<dyn Attempt>,
    dice: Arc<Dice>,
    has_writes: AtomicBool,
}

impl FaultyAttempt {
    pub fn new(attempt: Arc<dyn Attempt>, dice: Arc<Dice>) -> Self {
        Self { attempt, dice, has_writes: AtomicBool::new(false) }
    }
}

#[async_trait]
impl Attempt for FaultyAttempt {
    async fn get(&self, key: &[u8], isolation: Isolation) -> Result<Option<Bytes>, Error> {
        self.dice.before_read().await?;
        self.attempt.get(key, isolation).await
    }

    async fn range(&self, query: &Range) -> Result<Vec<(Bytes, Bytes)>, Error> {
        self.dice.before_read().await?;
        self.attempt.range(query).await
    }

    fn write(&self, mutation: Mutation) {
        self.has_writes.store(true, Ordering::Release);
        self.attempt.write(mutation);
    }

    fn watch(&self, key: &[u8]) -> Watch {
        let (watch, dice) = (self.attempt.watch(key), self.dice.clone());
        Watch::new(async move {
            let fired = watch.await;
            dice.travel().await;
            // One who is cut off is told nothing, however long it lasts.
            while !dice.pass().await {}
            fired
        })
    }

    async fn commit(&self) -> Result<(), Error> {
        if !self.has_writes.load(Ordering::Acquire) {
            return self.attempt.commit().await;
        }
        let fate = self.dice.fate();
        let (attempt, dice) = (self.attempt.clone(), self.dice.clone());
        if dice.is_instant() {
            arrive(&*attempt, &dice, fate).await
        } else {
            // What is on its way is done, whether or not who sent it still lives.
            tokio::spawn(async move { travel(&*attempt, &dice, fate).await }).await.unwrap_or(Err(Error::UnknownResult))
        }
    }
}

async fn travel(attempt: &dyn Attempt, dice: &Dice, fate: Fate) -> Result<(), Error> {
    dice.travel().await;
    let outcome = arrive(attempt, dice, fate).await;
    dice.travel().await;
    // It is done, but the answer is lost.
    if dice.pass().await { outcome } else { Err(Error::UnknownResult) }
}

async fn arrive(attempt: &dyn Attempt, dice: &Dice, fate: Fate) -> Result<(), Error> {
    if !dice.pass().await {
        return Err(Error::UnknownResult);
    }
    match fate {
        Fate::Done => attempt.commit().await,
        Fate::Lost => Ok(()),
        Fate::Conflict => Err(Error::Conflict),
        Fate::Unknown => Err(Error::UnknownResult),
        Fate::UnknownAndDone => {
            attempt.commit().await?;
            Err(Error::UnknownResult)
        }
    }
}
