//! A fixture: a group with its time, its waiting requests and their answers.

mod commit;
mod delete;
mod expiry;
mod join;
mod leave;
mod offset_expiry;
mod property;
mod rebalance;
mod snapshot;
mod static_members;
mod subscription;
mod sync;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::*;
use crate::Timestamp;

pub(super) const SESSION: Duration = Duration::from_secs(10);
pub(super) const REBALANCE: Duration = Duration::from_secs(60);

/// A group, the time, and every answer that was given.
pub(super) struct Fixture {
    pub group: Group,
    pub rules: Rules,
    pub now: Timestamp,
    pub answers: BTreeMap<WaiterId, GroupReply>,
    pub saves: Vec<Snapshot>,
    waiters: u64,
}

impl Fixture {
    /// An empty group whose first rebalance does not wait.
    pub fn new() -> Self {
        Self::with_delay(Duration::ZERO)
    }

    pub fn with_delay(initial_rebalance_delay: Duration) -> Self {
        Self {
            group: Group::new(),
            rules: Rules { initial_rebalance_delay, ..Rules::default() },
            now: Timestamp(1_000_000),
            answers: BTreeMap::new(),
            saves: Vec::new(),
            waiters: 0,
        }
    }

    /// A stable group of `names`, the first of which leads.
    pub fn stable(names: &[&str]) -> Self {
        let mut fixture = Self::new();
        let waiters: Vec<_> = names.iter().map(|name| fixture.join(old(name))).collect();
        fixture.elapse();
        let leader = fixture.joined(waiters[0]).leader;
        let given = names.iter().map(|name| (id(name), Bytes::from(format!("work of {name}")))).collect();
        fixture.sync_as(leader.as_str(), given);
        for name in names.iter().filter(|name| **name != leader.as_str()) {
            fixture.sync(name);
        }
        assert_eq!(*fixture.group.state(), State::Stable);
        fixture
    }

    pub fn waiter(&mut self) -> WaiterId {
        self.waiters += 1;
        WaiterId(self.waiters)
    }

    pub fn join(&mut self, joiner: Joiner) -> WaiterId {
        let waiter = self.waiter();
        let name = joiner.member.as_ref().map_or(joiner.client_id.as_str(), MemberId::as_str);
        let fresh = id(&if joiner.instance.is_some() { format!("{name}-{}", waiter.0) } else { name.to_owned() });
        let effects = self.group.join(Join { waiter, fresh, joiner }, &self.rules, self.now);
        self.note(effects);
        waiter
    }

    /// `name` joins again under its id.
    pub fn rejoin(&mut self, name: &str) -> WaiterId {
        self.join(Joiner { member: Some(id(name)), ..old(name) })
    }

    pub fn sync(&mut self, name: &str) -> WaiterId {
        self.sync_as(name, BTreeMap::new())
    }

    pub fn sync_as(&mut self, name: &str, assignments: BTreeMap<MemberId, Bytes>) -> WaiterId {
        let generation = self.group.generation();
        self.sync_with(Sync {
            member: id(name),
            instance: None,
            generation,
            protocol_type: None,
            protocol: None,
            assignments,
        })
    }

    pub fn sync_with(&mut self, sync: Sync) -> WaiterId {
        let waiter = self.waiter();
        let effects = self.group.sync(waiter, sync, &self.rules, self.now);
        self.note(effects);
        waiter
    }

    pub fn heartbeat(&mut self, name: &str) -> Result<(), GroupError> {
        self.group.heartbeat(&id(name), None, self.group.generation(), self.now)
    }

    pub fn leave(&mut self, leaver: Leaver) -> Result<(), GroupError> {
        let (results, effects) = self.group.leave(&[leaver], &self.rules, self.now).expect("the group lives");
        self.note(effects);
        results.into_iter().next().expect("one result for one leaver")
    }

    pub fn leave_as(&mut self, name: &str) -> Result<(), GroupError> {
        self.leave(Leaver { member: Some(id(name)), instance: None })
    }

    pub fn cancel_waiter(&mut self, waiter: WaiterId) {
        let effects = self.group.cancel_waiter(waiter, &self.rules, self.now);
        self.note(effects);
    }

    /// Does what is due now.
    pub fn elapse(&mut self) {
        while self.group.next_deadline().is_some_and(|deadline| deadline <= self.now) {
            let effects = self.group.elapse(&self.rules, self.now);
            self.note(effects);
        }
    }

    /// Lets `time` pass, doing what becomes due when it does.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now.plus(time);
        while let Some(deadline) = self.group.next_deadline().filter(|deadline| *deadline <= until) {
            self.now = self.now.max(deadline);
            self.elapse();
        }
        self.now = until;
    }

    pub fn note(&mut self, effects: Effects) {
        self.saves.extend(effects.save);
        for reply in effects.replies {
            let before = self.answers.insert(reply.waiter(), reply);
            assert_eq!(before, None, "answered twice");
        }
    }

    pub fn is_waiting(&self, waiter: WaiterId) -> bool {
        !self.answers.contains_key(&waiter)
    }

    pub fn join_answer(&self, waiter: WaiterId) -> Result<Joined, JoinError> {
        match self.answers.get(&waiter) {
            Some(GroupReply::Join { answer, .. }) => answer.clone(),
            other => panic!("no answer to a join: {other:?}"),
        }
    }

    pub fn joined(&self, waiter: WaiterId) -> Joined {
        self.join_answer(waiter).expect("joined")
    }

    pub fn join_error(&self, waiter: WaiterId) -> GroupError {
        self.join_answer(waiter).expect_err("rejected").why
    }

    pub fn sync_answer(&self, waiter: WaiterId) -> Result<Bytes, GroupError> {
        match self.answers.get(&waiter) {
            Some(GroupReply::Sync { answer, .. }) => answer.clone().map(|synced| synced.assignment),
            other => panic!("no answer to a sync: {other:?}"),
        }
    }

    pub fn state(&self) -> &'static str {
        self.group.state().name()
    }
}

pub(super) fn id(name: &str) -> MemberId {
    MemberId::new(name).expect("names are not empty")
}

pub(super) fn protocol(name: &str, metadata: &str) -> Protocol {
    Protocol { name: name.into(), metadata: Bytes::copy_from_slice(metadata.as_bytes()) }
}

/// A new member that joins at once, as clients before version 4 do; it gets its name as its id.
pub(super) fn old(name: &str) -> Joiner {
    Joiner {
        member: None,
        instance: None,
        client_id: name.to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout: SESSION,
        rebalance_timeout: REBALANCE,
        protocol_type: "consumer".into(),
        protocols: vec![protocol("range", name)],
        requires_known_member_id: false,
        can_skip_assignment: false,
    }
}

/// A new member that gets its id first (version 4 and later).
pub(super) fn modern(name: &str) -> Joiner {
    Joiner { requires_known_member_id: true, ..old(name) }
}

/// A static member.
pub(super) fn fixed(name: &str, instance: &str) -> Joiner {
    Joiner { instance: Some(InstanceId::new(instance)), requires_known_member_id: true, ..old(name) }
}

#[test]
fn generated_member_ids_contain_the_client_or_instance_id() {
    let random = Uuid::from_u128(7);
    let text = "00000000-0000-0000-0000-000000000007";
    assert_eq!(MemberId::generate("app", None, random).as_str(), format!("app-{text}"));
    let instance = InstanceId::new("disk-1");
    assert_eq!(MemberId::generate("app", Some(&instance), random).as_str(), format!("disk-1-{text}"));
}
