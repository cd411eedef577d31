//! What is done to the system while it works: machines die, stand still and come back, links are cut, clocks go wrong,
//! stores have bad times, clients die.

use std::time::Duration;

use alluvium_metastore::kv::Faults;
use alluvium_objects::faults::BucketFaults;
use tokio::time::{Instant, sleep_until};

use crate::crowd::Crowd;
use crate::dice::Dice;
use crate::history::{Fault, Happening};
use crate::network::{METASTORE, STORE};
use crate::node::Ground;
use crate::node::Machine;
use crate::plan::Plan;
use crate::recorder::{Recorder, SYSTEM};

/// The longest that anything is held up.
const HELD_UP_MAX: Duration = Duration::from_secs(25);
/// How far wall clocks are off at most, ms: well below every grace.
const SKEW_MS_MAX: u64 = 5_000;

/// One who does mischief.
pub struct Trickster<'a> {
    /// What all share.
    pub ground: &'a Ground,
    /// Machines.
    pub machines: &'a [Machine],
    /// Clients.
    pub crowd: &'a mut Crowd,
    /// Whom it is told.
    pub recorder: Recorder,
    /// Decisions.
    pub dice: Dice,
}

/// What has to be undone, and when.
#[derive(Clone, Debug)]
enum Undo {
    Start(usize),
    Resume(usize),
    Mend(String, String),
    Clear(usize),
    ResumeClient(usize),
}

impl Trickster<'_> {
    /// Does mischief until `end`, and undoes all of it then.
    pub async fn run(&mut self, end: Instant) {
        let plan = self.ground.plan.clone();
        let mut undone: Vec<(Instant, Undo)> = Vec::new();
        loop {
            let next = Instant::now() + self.dice.time(Duration::from_millis(100), plan.mischief.pause_max);
            let due = undone.iter().map(|(at, _)| *at).min().unwrap_or(next).min(next).min(end);
            sleep_until(due).await;
            let now = Instant::now();
            let (over, later): (Vec<_>, Vec<_>) = undone.into_iter().partition(|(at, _)| *at <= now || now >= end);
            undone = later;
            for (_, undo) in over {
                self.undo(undo);
            }
            if now >= end {
                break;
            }
            if now >= next
                && let Some(undo) = self.act(&plan).await
            {
                let until = Instant::now() + self.dice.time(Duration::from_millis(50), HELD_UP_MAX);
                undone.push((until, undo));
            }
        }
        self.heal();
    }

    /// Everything works from now on, and everybody is there.
    fn heal(&mut self) {
        self.ground.network.heal();
        for machine in self.machines {
            machine.resume();
            machine.set_weather(Faults::none(), BucketFaults::default());
            if !machine.is_up() {
                machine.start();
                machine.set_weather(Faults::none(), BucketFaults::default());
            }
        }
        (0..self.crowd.seats.len()).for_each(|place| self.crowd.resume(place));
        self.tell(Fault::Healed);
    }

    /// One act, where the plan has it.
    async fn act(&mut self, plan: &Plan) -> Option<Undo> {
        let place = self.dice.count(0, self.machines.len() - 1);
        let machine = &self.machines[place];
        let mischief = plan.mischief;
        match self.dice.below(9) {
            0 if mischief.crashes && machine.is_up() => {
                self.tell(Fault::Crash(machine.name().to_owned()));
                machine.crash();
                Some(Undo::Start(place))
            }
            1 if mischief.restarts && machine.is_up() => {
                self.tell(Fault::Other(format!("{} is told to stop", machine.name())));
                machine.stop().await;
                Some(Undo::Start(place))
            }
            2 if mischief.pauses && machine.is_up() => {
                self.tell(Fault::Pause(machine.name().to_owned()));
                machine.pause();
                Some(Undo::Resume(place))
            }
            3 | 4 if mischief.cuts => Some(self.cut(machine)),
            5 if mischief.resets => {
                if let Some(address) = machine.address() {
                    self.tell(Fault::Other(format!("connections to {} are reset", machine.name())));
                    self.ground.network.reset(&address);
                }
                None
            }
            6 if mischief.skews => {
                let ms = i64::try_from(self.dice.below(2 * SKEW_MS_MAX)).unwrap_or(0)
                    - i64::try_from(SKEW_MS_MAX).unwrap_or(0);
                self.tell(Fault::Skew(machine.name().to_owned(), ms));
                machine.clock().skew(ms);
                None
            }
            7 if mischief.weather => {
                self.tell(Fault::Other(format!("bad weather over {}", machine.name())));
                self.darken(machine);
                Some(Undo::Clear(place))
            }
            8 if mischief.clients && !self.crowd.seats.is_empty() => {
                let seat = self.dice.count(0, self.crowd.seats.len() - 1);
                let name = self.crowd.seats[seat].name.clone();
                if self.dice.chance(500) {
                    self.tell(Fault::Other(format!("{name} dies; another takes its place")));
                    self.crowd.replace(seat);
                    None
                } else {
                    self.tell(Fault::Pause(name));
                    self.crowd.pause(seat);
                    Some(Undo::ResumeClient(seat))
                }
            }
            _ => None,
        }
    }

    fn cut(&self, machine: &Machine) -> Undo {
        let zones = &self.ground.plan.zones;
        let clients: Vec<String> = self.crowd.seats.iter().map(|seat| seat.name.clone()).collect();
        let here = match &machine.place().zone {
            Some(zone) if self.dice.chance(400) => zone.clone(),
            _ => machine.name().to_owned(),
        };
        let there = match self.dice.below(4) {
            0 => STORE.to_owned(),
            1 => METASTORE.to_owned(),
            2 => self.dice.pick(zones).cloned().unwrap_or_default(),
            _ => self.dice.pick(&clients).cloned().unwrap_or_default(),
        };
        self.tell(Fault::Cut(here.clone(), there.clone()));
        self.ground.network.cut(&here, &there);
        self.machines.iter().for_each(Machine::apply_links);
        Undo::Mend(here, there)
    }

    /// Much of what is asked of the stores fails, for one machine.
    fn darken(&self, machine: &Machine) {
        let dice = &self.dice;
        let rate = |low: u64, high: u64| u16::try_from(dice.between(low, high)).unwrap_or(0);
        let metastore = Faults {
            conflict_per_mille: rate(0, 500),
            unknown_per_mille: rate(0, 400),
            too_old_per_mille: rate(0, 50),
            latency_max: dice.time(Duration::from_millis(1), Duration::from_millis(800)),
            ..Faults::none()
        };
        let store = BucketFaults {
            latency_max: dice.time(Duration::from_millis(10), Duration::from_secs(5)),
            unavailable_per_mille: rate(0, 900),
            lost_answer_per_mille: rate(0, 500),
            hang_per_mille: rate(0, 100),
            slow_body_per_mille: rate(0, 300),
            slow_body_pause_max: Duration::from_secs(2),
            cut_short_per_mille: rate(0, 200),
            torn_list_per_mille: rate(0, 500),
            ..BucketFaults::default()
        };
        let (rows, objects) = (dice.chance(600), dice.chance(600));
        let usual = &self.ground.plan;
        machine.set_weather(
            if rows { metastore } else { usual.metastore.clone() },
            if objects { store } else { usual.store.clone() },
        );
    }

    fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Start(place) => {
                let machine = &self.machines[place];
                if !machine.is_up() {
                    self.tell(Fault::Restart(machine.name().to_owned()));
                    machine.start();
                }
            }
            Undo::Resume(place) => {
                self.tell(Fault::Resume(self.machines[place].name().to_owned()));
                self.machines[place].resume();
            }
            Undo::Mend(a, b) => {
                self.tell(Fault::Other(format!("{a} and {b} hear each other again")));
                self.ground.network.mend(&a, &b);
                self.machines.iter().for_each(Machine::apply_links);
            }
            Undo::Clear(place) => {
                let plan = &self.ground.plan;
                self.machines[place].set_weather(plan.metastore.clone(), plan.store.clone());
            }
            Undo::ResumeClient(seat) => {
                self.tell(Fault::Resume(self.crowd.seats[seat].name.clone()));
                self.crowd.resume(seat);
            }
        }
    }

    fn tell(&self, fault: Fault) {
        self.recorder.record(SYSTEM, Happening::Fault(fault));
    }
}
