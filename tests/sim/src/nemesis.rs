//! The nemesis (Jepsen's word): injects faults while the workload runs. Machines crash, pause and restart, links are
//! cut, clocks are skewed, stores degrade, clients die.

use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_objects::faults::BucketFaults;
use tokio::time::{Instant, sleep_until};

use crate::history::{EventKind, Fault};
use crate::network::{METASTORE, STORE};
use crate::node::{Environment, Machine};
use crate::plan::Plan;
use crate::recorder::{Recorder, SYSTEM};
use crate::rng::SimRng;
use crate::workload::Workload;

/// The longest that one fault lasts.
const FAULT_MAX: Duration = Duration::from_secs(25);
/// The largest skew of a wall clock, ms: well below every grace period.
const SKEW_MS_MAX: u64 = 5_000;

/// Injects faults as the plan of the run allows.
pub struct Nemesis<'a> {
    /// What all machines share.
    pub environment: &'a Environment,
    /// The machines.
    pub machines: &'a [Machine],
    /// The clients.
    pub workload: &'a mut Workload,
    /// Where faults are recorded.
    pub recorder: Recorder,
    /// Decides what happens when.
    pub rng: SimRng,
}

/// How a fault ends.
#[derive(Clone, Debug)]
enum Undo {
    Start(usize),
    Resume(usize),
    HealLink(String, String),
    RestoreStores(usize),
    ResumeClient(usize),
}

impl Nemesis<'_> {
    /// Injects faults until `end`, and then ends all of them.
    pub async fn run(&mut self, end: Instant) {
        let plan = self.environment.plan.clone();
        let mut pending: Vec<(Instant, Undo)> = Vec::new();
        loop {
            let next = Instant::now() + self.rng.time(Duration::from_millis(100), plan.nemesis.pause_max);
            let due = pending.iter().map(|(at, _)| *at).min().unwrap_or(next).min(next).min(end);
            sleep_until(due).await;
            let now = Instant::now();
            let (over, later): (Vec<_>, Vec<_>) = pending.into_iter().partition(|(at, _)| *at <= now || now >= end);
            pending = later;
            for (_, undo) in over {
                self.undo(undo);
            }
            if now >= end {
                break;
            }
            if now >= next
                && let Some(undo) = self.inject(&plan).await
            {
                let until = Instant::now() + self.rng.time(Duration::from_millis(50), FAULT_MAX);
                pending.push((until, undo));
            }
        }
        self.heal();
    }

    /// Ends every fault: every machine runs, every link and store works.
    fn heal(&mut self) {
        self.environment.network.heal();
        for machine in self.machines {
            machine.resume();
            machine.set_store_faults(KvFaults::none(), BucketFaults::default());
            if !machine.is_up() {
                machine.start();
                machine.set_store_faults(KvFaults::none(), BucketFaults::default());
            }
        }
        (0..self.workload.slots.len()).for_each(|place| self.workload.resume(place));
        self.record(Fault::Healed);
    }

    /// Draws one fault and injects it, if the plan has this kind of fault.
    async fn inject(&mut self, plan: &Plan) -> Option<Undo> {
        let place = self.rng.count(0, self.machines.len() - 1);
        let machine = &self.machines[place];
        let nemesis = plan.nemesis;
        match self.rng.below(9) {
            0 if nemesis.crashes && machine.is_up() => {
                self.record(Fault::Crash(machine.name().to_owned()));
                machine.crash();
                Some(Undo::Start(place))
            }
            1 if nemesis.restarts && machine.is_up() => {
                self.record(Fault::Other(format!("{} is told to stop", machine.name())));
                machine.stop().await;
                Some(Undo::Start(place))
            }
            2 if nemesis.pauses && machine.is_up() => {
                self.record(Fault::Pause(machine.name().to_owned()));
                machine.pause();
                Some(Undo::Resume(place))
            }
            3 | 4 if nemesis.cuts => Some(self.cut(machine)),
            5 if nemesis.resets => {
                if let Some(address) = machine.address() {
                    self.record(Fault::Other(format!("connections to {} are reset", machine.name())));
                    self.environment.network.reset(&address);
                }
                None
            }
            6 if nemesis.skews => {
                let ms = i64::try_from(self.rng.below(2 * SKEW_MS_MAX)).unwrap_or(0)
                    - i64::try_from(SKEW_MS_MAX).unwrap_or(0);
                self.record(Fault::Skew(machine.name().to_owned(), ms));
                machine.clock().skew(ms);
                None
            }
            7 if nemesis.degraded_stores => {
                self.record(Fault::Other(format!("bad weather over {}", machine.name())));
                self.degrade_stores(machine);
                Some(Undo::RestoreStores(place))
            }
            8 if nemesis.clients && !self.workload.slots.is_empty() => {
                let slot = self.rng.count(0, self.workload.slots.len() - 1);
                let name = self.workload.slots[slot].name.clone();
                if self.rng.chance(500) {
                    self.record(Fault::Other(format!("{name} dies; another takes its place")));
                    self.workload.replace(slot);
                    None
                } else {
                    self.record(Fault::Pause(name));
                    self.workload.pause(slot);
                    Some(Undo::ResumeClient(slot))
                }
            }
            _ => None,
        }
    }

    fn cut(&self, machine: &Machine) -> Undo {
        let zones = &self.environment.plan.zones;
        let clients: Vec<String> = self.workload.slots.iter().map(|slot| slot.name.clone()).collect();
        let here = match &machine.place().zone {
            Some(zone) if self.rng.chance(400) => zone.clone(),
            _ => machine.name().to_owned(),
        };
        let there = match self.rng.below(4) {
            0 => STORE.to_owned(),
            1 => METASTORE.to_owned(),
            2 => self.rng.pick(zones).cloned().unwrap_or_default(),
            _ => self.rng.pick(&clients).cloned().unwrap_or_default(),
        };
        self.record(Fault::Cut(here.clone(), there.clone()));
        self.environment.network.cut(&here, &there);
        self.machines.iter().for_each(Machine::apply_links);
        Undo::HealLink(here, there)
    }

    /// Many requests of one machine to the stores fail or are slow.
    fn degrade_stores(&self, machine: &Machine) {
        let rng = &self.rng;
        let rate = |low: u64, high: u64| u16::try_from(rng.between(low, high)).unwrap_or(0);
        let metastore = KvFaults {
            conflict_per_mille: rate(0, 500),
            unknown_per_mille: rate(0, 400),
            too_old_per_mille: rate(0, 50),
            latency_max: rng.time(Duration::from_millis(1), Duration::from_millis(800)),
            ..KvFaults::none()
        };
        let store = BucketFaults {
            latency_max: rng.time(Duration::from_millis(10), Duration::from_secs(5)),
            unavailable_per_mille: rate(0, 900),
            lost_answer_per_mille: rate(0, 500),
            hang_per_mille: rate(0, 100),
            slow_body_per_mille: rate(0, 300),
            slow_body_pause_max: Duration::from_secs(2),
            cut_short_per_mille: rate(0, 200),
            torn_list_per_mille: rate(0, 500),
            ..BucketFaults::default()
        };
        let (rows, objects) = (rng.chance(600), rng.chance(600));
        let usual = &self.environment.plan;
        machine.set_store_faults(
            if rows { metastore } else { usual.metastore.clone() },
            if objects { store } else { usual.store.clone() },
        );
    }

    fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Start(place) => {
                let machine = &self.machines[place];
                if !machine.is_up() {
                    self.record(Fault::Restart(machine.name().to_owned()));
                    machine.start();
                }
            }
            Undo::Resume(place) => {
                self.record(Fault::Resume(self.machines[place].name().to_owned()));
                self.machines[place].resume();
            }
            Undo::HealLink(a, b) => {
                self.record(Fault::Other(format!("{a} and {b} hear each other again")));
                self.environment.network.heal_link(&a, &b);
                self.machines.iter().for_each(Machine::apply_links);
            }
            Undo::RestoreStores(place) => {
                let plan = &self.environment.plan;
                self.machines[place].set_store_faults(plan.metastore.clone(), plan.store.clone());
            }
            Undo::ResumeClient(slot) => {
                self.record(Fault::Resume(self.workload.slots[slot].name.clone()));
                self.workload.resume(slot);
            }
        }
    }

    fn record(&self, fault: Fault) {
        self.recorder.record(SYSTEM, EventKind::Fault(fault));
    }
}
