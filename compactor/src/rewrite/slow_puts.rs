//! The PUTs of a job that take long: they give their places to other files, as far as there is memory for both.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// After this time a PUT is slow, and no others wait for it to be swapped in with them: longer than they mostly take, and
/// short beside the time for which one may hang.
pub(super) const SLOW_AFTER: Duration = Duration::from_secs(5);
/// Slow PUTs of one job beside those of its batch, so that two jobs whose PUTs hang leave slots to others.
const SLOW_PUTS_MAX: u32 = 4;
/// What memory is counted in, bytes.
const UNIT_BYTES: u64 = 1 << 10;

/// PUTs that yield `T`.
pub(super) struct SlowPuts<'a, T> {
    room: Room,
    puts: FuturesUnordered<BoxFuture<'a, (T, OwnedSemaphorePermit)>>,
}

/// The memory for slow PUTs of one job.
#[derive(Clone)]
pub(super) struct Room {
    free: Arc<Semaphore>,
    units: u32,
}

/// A PUT that has ended, or one that is slow and has found room.
pub(super) enum PutStep<'a, T> {
    Ended(T),
    Slow(BoxFuture<'a, T>, OwnedSemaphorePermit),
}

impl<'a, T: 'a + Send> SlowPuts<'a, T> {
    /// None yet, of up to `bytes_max` together.
    pub(super) fn new(bytes_max: u64) -> Self {
        let units = u32::try_from(bytes_max / UNIT_BYTES).unwrap_or(u32::MAX).max(SLOW_PUTS_MAX);
        let free = Arc::new(Semaphore::new(usize::try_from(units).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { room: Room { free, units }, puts: FuturesUnordered::new() }
    }

    pub(super) fn room(&self) -> Room {
        self.room.clone()
    }

    /// Bytes of their files, or more.
    pub(super) fn bytes(&self) -> u64 {
        let free = u64::try_from(self.room.free.available_permits()).unwrap_or(u64::MAX);
        u64::from(self.room.units).saturating_sub(free).saturating_mul(UNIT_BYTES)
    }

    pub(super) fn add(&mut self, put: BoxFuture<'a, T>, room: OwnedSemaphorePermit) {
        self.puts.push(Box::pin(async move { (put.await, room) }));
    }

    /// The next one that ends. `None` if there is none.
    pub(super) async fn next(&mut self) -> Option<T> {
        let (put, _room) = self.puts.next().await?;
        Some(put)
    }
}

impl Room {
    /// Waits for `put`, of a file of `bytes`, until it is slow and there is room for it among the slow ones.
    pub(super) async fn run<'a, T>(self, bytes: u64, mut put: BoxFuture<'a, T>) -> PutStep<'a, T> {
        if let Ok(ended) = tokio::time::timeout(SLOW_AFTER, &mut put).await {
            return PutStep::Ended(ended);
        }
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).max(self.units / SLOW_PUTS_MAX);
        match self.free.try_acquire_many_owned(units) {
            Ok(room) => PutStep::Slow(put, room),
            Err(_no_room) => PutStep::Ended(put.await),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// Of PUTs of `bytes` that hang, how many give their places to others, and the bytes that they are counted with.
    async fn slow(bytes: u64) -> (usize, u64) {
        let mut slow = SlowPuts::new(16 << 20);
        for _ in 0..10 {
            let put = slow.room().run(bytes, std::future::pending::<()>().boxed());
            if let Ok(PutStep::Slow(put, room)) = tokio::time::timeout(SLOW_AFTER * 2, put).await {
                slow.add(put, room);
            }
        }
        (slow.puts.len(), slow.bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn slow_puts_give_their_places_to_others_as_number_and_memory_allow() {
        assert_eq!(slow(1).await, (4, 16 << 20));
        assert_eq!(slow(4 << 20).await, (4, 16 << 20));
        assert_eq!(slow(6 << 20).await, (2, 12 << 20));
        assert_eq!(slow(17 << 20).await, (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_put_that_ends_makes_room() {
        let mut slow = SlowPuts::new(1 << 20);
        let put = tokio::time::sleep(SLOW_AFTER * 2).map(|()| 7).boxed();
        let PutStep::Slow(put, room) = slow.room().run(1, put).await else { panic!("it is slow") };
        slow.add(put, room);
        assert_eq!(slow.bytes(), 256 << 10);
        assert_eq!((slow.next().await, slow.bytes(), slow.next().await), (Some(7), 0, None));
        assert!(matches!(slow.room().run(1, async { 8 }.boxed()).await, PutStep::Ended(8)));
    }
}
