//! Who holds how much of the budget, and who waits. Pure.
//!
//! Each share has a guaranteed part that nobody else can take; what is left over all shares is for whoever comes first.

use std::collections::VecDeque;

/// An answer gets at most this part of what its share may still take (but its minimum): however few come first, those
/// after them find room too. A consumer alone gets a sixteenth of some 100 MiB, about as much as it can use at once.
const FAIR_PART: usize = 16;

/// Number of shares.
const COUNT: usize = 5;

/// What memory is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// Fetches of new records.
    Tail,
    /// Fetches of old records.
    CatchUp,
    /// Other answers of the Kafka listener, such as Metadata.
    Kafka,
    /// Records read over HTTP.
    Http,
    /// Blocks for other agents.
    Peers,
}

/// All shares.
pub const SHARES: [Share; COUNT] = [Share::Tail, Share::CatchUp, Share::Kafka, Share::Http, Share::Peers];

impl Share {
    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Tail => "tail",
            Self::CatchUp => "catch_up",
            Self::Kafka => "kafka",
            Self::Http => "http",
            Self::Peers => "peers",
        }
    }

    /// The part of `total` that only this share can take.
    fn guaranteed(self, total: usize) -> usize {
        match self {
            Self::Tail | Self::CatchUp => total / 4,
            Self::Http | Self::Peers => total / 8,
            Self::Kafka => total / 16,
        }
    }
}

/// Memory that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// For what.
    pub share: Share,
    /// With less than this many bytes nothing can be done; if even the whole share is less, all of it is enough.
    pub min: usize,
    /// More than this many bytes are not used.
    pub wanted: usize,
}

impl Demand {
    /// Exactly `bytes`.
    #[must_use]
    pub fn exactly(share: Share, bytes: usize) -> Self {
        Self { share, min: bytes, wanted: bytes }
    }
}

/// The answer to a demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This many bytes are taken.
    Granted(usize),
    /// The demand waits under this number.
    Waits(u64),
}

/// A demand that waits, and is granted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The number that it waited under.
    pub ticket: u64,
    /// For what.
    pub share: Share,
    /// Bytes taken.
    pub bytes: usize,
}

/// The budget's state.
#[derive(Debug)]
pub struct Ledger {
    total: usize,
    used: [usize; COUNT],
    /// What is used for answers that their clients do not take.
    stalled: [usize; COUNT],
    waiting: [VecDeque<(u64, Demand)>; COUNT],
    waits: [u64; COUNT],
    next_ticket: u64,
    peak: usize,
}

impl Ledger {
    /// A budget of `total` bytes, all of them free.
    #[must_use]
    pub fn new(total: usize) -> Self {
        let (used, stalled, waits) = ([0; COUNT], [0; COUNT], [0; COUNT]);
        Self { total, used, stalled, waiting: Default::default(), waits, next_ticket: 0, peak: 0 }
    }

    /// Decides on a new demand. It waits behind those of its share that wait.
    pub fn request(&mut self, demand: Demand) -> Decision {
        if let Some(bytes) = self.try_request(demand) {
            return Decision::Granted(bytes);
        }
        let share = demand.share as usize;
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waits[share] += 1;
        self.waiting[share].push_back((ticket, demand));
        Decision::Waits(ticket)
    }

    /// Takes what `demand` gets, unless it would have to wait.
    pub fn try_request(&mut self, demand: Demand) -> Option<usize> {
        let is_next = self.waiting[demand.share as usize].is_empty();
        let bytes = is_next.then(|| self.fitting(demand)).flatten()?;
        self.take(demand.share, bytes);
        Some(bytes)
    }

    /// Takes `bytes` for `share`, whether they are free or not: they are in memory already.
    pub fn take(&mut self, share: Share, bytes: usize) {
        self.used[share as usize] += bytes;
        self.peak = self.peak.max(self.bytes());
    }

    /// Returns `bytes` of `share`.
    pub fn release(&mut self, share: Share, bytes: usize) {
        let used = &mut self.used[share as usize];
        *used = used.saturating_sub(bytes);
    }

    /// Of what `share` holds, answers that their clients do not take held `before` and hold `after` now.
    pub fn stall(&mut self, share: Share, before: usize, after: usize) {
        let stalled = &mut self.stalled[share as usize];
        *stalled = (*stalled + after).saturating_sub(before);
    }

    /// Whether answers that their clients do not take hold more than half of what `share` holds.
    #[must_use]
    pub fn is_mostly_stalled(&self, share: Share) -> bool {
        self.stalled[share as usize] > self.used[share as usize] / 2
    }

    /// Removes a demand that waits no longer.
    pub fn withdraw(&mut self, share: Share, ticket: u64) {
        self.waiting[share as usize].retain(|(waiting, _)| *waiting != ticket);
    }

    /// Grants what fits now, each share's demands in their order.
    pub fn admit(&mut self) -> Vec<Granted> {
        let mut granted = Vec::new();
        for share in SHARES {
            while let Some((ticket, demand)) = self.waiting[share as usize].front().copied()
                && let Some(bytes) = self.fitting(demand)
            {
                self.waiting[share as usize].pop_front();
                self.take(share, bytes);
                granted.push(Granted { ticket, share, bytes });
            }
        }
        granted
    }

    /// Whether what `share` holds keeps anybody waiting: demands of the same share, or, if it holds more than it is
    /// guaranteed, those of others.
    #[must_use]
    pub fn is_contended(&self, share: Share) -> bool {
        let waits = |share: Share| !self.waiting[share as usize].is_empty();
        let takes_from_others = self.used[share as usize] > share.guaranteed(self.total);
        waits(share) || (takes_from_others && SHARES.into_iter().any(waits))
    }

    /// Bytes taken by all shares.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.used.iter().sum()
    }

    /// Bytes taken by `share`.
    #[must_use]
    pub fn bytes_of(&self, share: Share) -> usize {
        self.used[share as usize]
    }

    /// Demands of `share` that had to wait, since the start.
    #[must_use]
    pub fn waits_of(&self, share: Share) -> u64 {
        self.waits[share as usize]
    }

    /// The most bytes ever taken.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.peak
    }

    /// The bytes that `demand` gets now; `None` if its minimum is not free.
    fn fitting(&self, demand: Demand) -> Option<usize> {
        let Demand { share, min, wanted } = demand;
        let free = self.available(share, |share| self.used[share as usize]).saturating_sub(self.used[share as usize]);
        let min = min.min(self.available(share, |_| 0)).max(1);
        let bytes = wanted.max(min).min((free / FAIR_PART).max(min));
        (bytes <= free).then_some(bytes)
    }

    /// Bytes that are neither guaranteed to other shares than `share`, nor, by `used`, held by them.
    fn available(&self, share: Share, used: impl Fn(Share) -> usize) -> usize {
        let others = SHARES.into_iter().filter(|other| *other != share);
        let taken: usize = others.map(|other| other.guaranteed(self.total).max(used(other))).sum();
        self.total.saturating_sub(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOTAL: usize = 1_600;

    fn demand(share: Share, min: usize, wanted: usize) -> Demand {
        Demand { share, min, wanted }
    }

    /// Takes what `share` can get in pieces of 10 bytes.
    fn exhaust(ledger: &mut Ledger, share: Share) {
        while let Decision::Granted(_) = ledger.request(Demand::exactly(share, 10)) {}
    }

    #[test]
    fn nobody_else_can_take_what_a_share_is_guaranteed() {
        for share in SHARES {
            let mut ledger = Ledger::new(TOTAL);
            SHARES.into_iter().filter(|other| *other != share).for_each(|other| exhaust(&mut ledger, other));
            exhaust(&mut ledger, share);
            assert!(ledger.bytes_of(share) >= share.guaranteed(TOTAL), "{share:?}");
            assert!(ledger.bytes() <= TOTAL);
        }
    }

    #[test]
    fn who_comes_first_leaves_room_and_a_minimum_is_respected() {
        let mut ledger = Ledger::new(TOTAL);
        let free = ledger.available(Share::CatchUp, |_| 0);
        assert_eq!(ledger.request(demand(Share::CatchUp, 1, 10_000)), Decision::Granted(free / FAIR_PART));
        assert_eq!(ledger.request(demand(Share::CatchUp, 300, 10_000)), Decision::Granted(300));
        assert_eq!(ledger.request(demand(Share::CatchUp, 1, 7)), Decision::Granted(7));
    }

    #[test]
    fn a_demand_larger_than_its_share_is_served_alone() {
        let mut ledger = Ledger::new(TOTAL);
        let Decision::Granted(small) = ledger.request(Demand::exactly(Share::Http, 1)) else { panic!("room") };
        let Decision::Waits(ticket) = ledger.request(Demand::exactly(Share::Http, 10 * TOTAL)) else { panic!("none") };
        assert!(ledger.is_contended(Share::Http) && ledger.admit().is_empty());
        ledger.release(Share::Http, small);
        let granted = ledger.admit();
        assert_eq!(granted.iter().map(|granted| granted.ticket).collect::<Vec<_>>(), [ticket]);
        assert_eq!(granted[0].bytes, ledger.available(Share::Http, |_| 0), "all that the share can have");
    }

    #[test]
    fn who_holds_no_more_than_is_guaranteed_keeps_no_other_share_waiting() {
        let mut ledger = Ledger::new(TOTAL);
        exhaust(&mut ledger, Share::CatchUp);
        let mut tail = 0;
        while tail < Share::Tail.guaranteed(TOTAL) {
            ledger.take(Share::Tail, 10);
            tail += 10;
        }
        assert!(ledger.is_contended(Share::CatchUp) && !ledger.is_contended(Share::Tail));
        ledger.take(Share::Tail, 1);
        assert!(ledger.is_contended(Share::Tail));
    }

    #[test]
    fn demands_of_a_share_are_granted_in_their_order_and_not_if_withdrawn() {
        let mut ledger = Ledger::new(TOTAL);
        exhaust(&mut ledger, Share::Peers);
        let tickets: Vec<u64> = (0..3)
            .map(|_| match ledger.request(Demand::exactly(Share::Peers, 10)) {
                Decision::Waits(ticket) => ticket,
                Decision::Granted(_) => panic!("others wait"),
            })
            .collect();
        ledger.waiting[Share::Peers as usize].pop_front();
        ledger.withdraw(Share::Peers, tickets[1]);
        ledger.release(Share::Peers, 40);
        let granted: Vec<u64> = ledger.admit().into_iter().map(|granted| granted.ticket).collect();
        assert_eq!(granted, [tickets[0], tickets[2]]);
    }

    proptest! {
        #[test]
        fn the_budget_is_never_exceeded_and_no_demand_waits_for_ever(
            demands in prop::collection::vec((0..COUNT, 1_usize..200, 0_usize..400), 1..200),
        ) {
            let mut ledger = Ledger::new(4_000);
            let mut held = VecDeque::new();
            let mut waiting = 0;
            for (share, min, more) in demands {
                match ledger.request(demand(SHARES[share], min, min + more)) {
                    Decision::Granted(bytes) => {
                        prop_assert!((min..=min + more).contains(&bytes));
                        held.push_back((SHARES[share], bytes));
                    }
                    Decision::Waits(_) => waiting += 1,
                }
                prop_assert!(ledger.bytes() <= 4_000);
            }
            while let Some((share, bytes)) = held.pop_front() {
                ledger.release(share, bytes);
                for granted in ledger.admit() {
                    waiting -= 1;
                    held.push_back((granted.share, granted.bytes));
                }
                prop_assert!(ledger.bytes() <= 4_000);
            }
            prop_assert_eq!((waiting, ledger.bytes(), SHARES.into_iter().any(|share| ledger.is_contended(share))), (0, 0, false));
        }
    }
}
