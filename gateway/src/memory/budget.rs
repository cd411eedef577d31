//! The budget as answers use it: permits that are waited for, go with an answer, and return what they hold when
//! dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::ledger::{Decision, Demand, Granted, Ledger, Share};

/// A read that gets no memory for this long ends without records: clients usually give up after 30 s.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// The budget. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryBudget {
    state: Arc<Mutex<BudgetState>>,
}

#[derive(Debug)]
struct BudgetState {
    ledger: Ledger,
    /// Who waits, by ticket.
    waiting: HashMap<u64, oneshot::Sender<Permit>>,
}

/// Memory that an answer may take. It is free again when this is dropped.
#[derive(Debug)]
pub struct Permit {
    budget: MemoryBudget,
    share: Share,
    bytes: usize,
    is_stalled: bool,
}

/// A place in the queue, given up if whoever waits is dropped.
struct Ticket<'a> {
    budget: &'a MemoryBudget,
    share: Share,
    number: u64,
}

impl MemoryBudget {
    /// A budget of `total` bytes, all of them free.
    #[must_use]
    pub fn new(total: usize) -> Self {
        let state = BudgetState { ledger: Ledger::new(total), waiting: HashMap::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Waits for a permit of between `demand.min` and `demand.wanted` bytes, in the order of calls. Cancel-safe.
    pub async fn acquire(&self, demand: Demand) -> Permit {
        let (_ticket, granted) = {
            let mut state = self.state();
            match state.ledger.request(demand) {
                Decision::Granted(bytes) => return self.permit(demand.share, bytes),
                Decision::Waits(number) => {
                    let (sender, granted) = oneshot::channel();
                    state.waiting.insert(number, sender);
                    (Ticket { budget: self, share: demand.share, number }, granted)
                }
            }
        };
        granted.await.expect("whoever waits is granted or withdraws")
    }

    /// As [`MemoryBudget::acquire`], but `None` if there is no room for 20 s.
    pub async fn acquire_in_time(&self, demand: Demand) -> Option<Permit> {
        timeout(WAIT_MAX, self.acquire(demand)).await.ok()
    }

    /// A permit, if there is room for one now.
    #[must_use]
    pub fn try_acquire(&self, demand: Demand) -> Option<Permit> {
        let granted = self.state().ledger.try_request(demand);
        granted.map(|bytes| self.permit(demand.share, bytes))
    }

    /// A permit for bytes that are in memory already, whether there is room or not: later demands wait for it.
    #[must_use]
    pub fn charge(&self, share: Share, bytes: usize) -> Permit {
        self.state().ledger.take(share, bytes);
        self.permit(share, bytes)
    }

    /// Whether what `share` holds keeps anybody waiting.
    #[must_use]
    pub fn is_contended(&self, share: Share) -> bool {
        self.state().ledger.is_contended(share)
    }

    /// Bytes that the answers of `share` hold.
    #[must_use]
    pub fn bytes_of(&self, share: Share) -> usize {
        self.state().ledger.bytes_of(share)
    }

    /// The most bytes that all answers ever held together.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.state().ledger.peak()
    }

    /// Answers of `share` that had to wait for memory, since the start.
    #[must_use]
    pub fn waits_of(&self, share: Share) -> u64 {
        self.state().ledger.waits_of(share)
    }

    fn permit(&self, share: Share, bytes: usize) -> Permit {
        Permit { budget: self.clone(), share, bytes, is_stalled: false }
    }

    /// Changes the ledger, then wakes those who got what they waited for.
    fn change(&self, change: impl FnOnce(&mut Ledger)) {
        let mut state = self.state();
        change(&mut state.ledger);
        let granted = state.ledger.admit();
        let granted: Vec<(Granted, Option<oneshot::Sender<Permit>>)> =
            granted.into_iter().map(|granted| (granted, state.waiting.remove(&granted.ticket))).collect();
        // A permit that nobody takes any more is dropped, which locks the state again.
        drop(state);
        for (Granted { share, bytes, .. }, waiting) in granted {
            let permit = self.permit(share, bytes);
            let _ = waiting.map(|waiting| waiting.send(permit));
        }
    }

    fn state(&self) -> MutexGuard<'_, BudgetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Bytes that it permits.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adjusts it to what the answer really takes, whether there is room or not.
    pub fn set(&mut self, bytes: usize) {
        let (share, before, is_stalled) = (self.share, std::mem::replace(&mut self.bytes, bytes), self.is_stalled);
        if bytes > before {
            self.budget.state().ledger.take(share, bytes - before);
        } else if bytes < before {
            self.budget.change(|ledger| ledger.release(share, before - bytes));
        }
        if is_stalled && bytes != before {
            self.budget.state().ledger.stall(share, before, bytes);
        }
    }

    /// Notes whether the client does not take the answer that this is for.
    pub fn set_stalled(&mut self, is_stalled: bool) {
        if is_stalled != self.is_stalled {
            self.is_stalled = is_stalled;
            let (before, after) = if is_stalled { (0, self.bytes) } else { (self.bytes, 0) };
            self.budget.state().ledger.stall(self.share, before, after);
        }
    }

    /// Whether more than half of what its share holds is for answers that their clients do not take.
    #[must_use]
    pub fn is_share_mostly_stalled(&self) -> bool {
        self.budget.state().ledger.is_mostly_stalled(self.share)
    }

    /// Whether anybody waits for memory that its share holds.
    #[must_use]
    pub fn is_contended(&self) -> bool {
        self.budget.is_contended(self.share)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        // If it was granted meanwhile, there is nothing to withdraw. If not, those behind it may fit now.
        let waited = self.budget.state().waiting.remove(&self.number);
        if waited.is_some() {
            self.budget.change(|ledger| ledger.withdraw(self.share, self.number));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const TOTAL: usize = 1_600;

    /// A budget of which catch-up reads hold all that they can, in two parts.
    fn exhausted() -> (MemoryBudget, Permit, Permit) {
        let budget = MemoryBudget::new(TOTAL);
        let exactly = |bytes| budget.try_acquire(Demand::exactly(Share::CatchUp, bytes));
        let first = exactly(300).expect("room");
        let second = (1..TOTAL).rev().find_map(exactly).expect("room");
        (budget.clone(), first, second)
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_what_is_returned_in_part_or_whole() {
        let (budget, mut first, second) = exhausted();
        let mut waiting = Box::pin(budget.acquire(Demand::exactly(Share::CatchUp, 100)));
        assert!(waiting.as_mut().now_or_never().is_none() && budget.is_contended(Share::CatchUp));
        first.set(250);
        assert!(waiting.as_mut().now_or_never().is_none());
        first.set(200);
        assert_eq!(waiting.await.bytes(), 100);
        drop((first, second));
        assert_eq!((budget.bytes_of(Share::CatchUp), budget.waits_of(Share::CatchUp)), (0, 1));
    }

    #[tokio::test]
    async fn a_waiter_that_is_dropped_lets_those_behind_it_pass_and_returns_what_it_was_granted() {
        let (budget, first, second) = exhausted();
        let mut large = Box::pin(budget.acquire(Demand::exactly(Share::CatchUp, 400)));
        let mut small = Box::pin(budget.acquire(Demand::exactly(Share::CatchUp, 50)));
        assert!(large.as_mut().now_or_never().is_none() && small.as_mut().now_or_never().is_none());
        drop(first);
        assert!(small.as_mut().now_or_never().is_none(), "the one before it is first");
        drop(large);
        let granted = small.now_or_never().expect("there is room");
        let mut dropped = Box::pin(budget.acquire(Demand::exactly(Share::CatchUp, 300)));
        assert!(dropped.as_mut().now_or_never().is_none());
        drop((granted, second));
        drop(dropped);
        assert_eq!((budget.bytes_of(Share::CatchUp), budget.is_contended(Share::CatchUp)), (0, false));
    }

    #[tokio::test]
    async fn stalled_answers_count_with_what_they_still_hold() {
        let budget = MemoryBudget::new(TOTAL);
        let exactly = |bytes| budget.try_acquire(Demand::exactly(Share::CatchUp, bytes)).expect("room");
        let (mut stalled, mut other) = (exactly(100), exactly(99));
        assert!(!stalled.is_share_mostly_stalled());
        stalled.set_stalled(true);
        assert!(stalled.is_share_mostly_stalled() && other.is_share_mostly_stalled());
        stalled.set(90);
        assert!(!stalled.is_share_mostly_stalled());
        other.set(80);
        assert!(stalled.is_share_mostly_stalled());
        stalled.set_stalled(false);
        assert!(!stalled.is_share_mostly_stalled());
        stalled.set_stalled(true);
        drop(stalled);
        assert!(!other.is_share_mostly_stalled());
    }

    #[tokio::test]
    async fn what_an_answer_takes_beyond_its_permit_is_waited_for_by_the_next() {
        let budget = MemoryBudget::new(TOTAL);
        let mut permit = budget.acquire(Demand { share: Share::Kafka, min: 1, wanted: 10 }).await;
        permit.set(TOTAL);
        assert!(budget.try_acquire(Demand::exactly(Share::Kafka, 1)).is_none());
        drop(permit);
        assert!(budget.try_acquire(Demand::exactly(Share::Kafka, 1)).is_some());
        assert_eq!(budget.peak(), TOTAL);
    }
}
