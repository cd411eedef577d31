//! Random lives of a group, restarts included.

use proptest::prelude::*;

use super::*;

/// What may happen. Numbers pick a client.
#[derive(Clone, Debug)]
enum Step {
    Join {
        client: usize,
        has_changed: bool,
    },
    Sync(usize),
    Heartbeat(usize),
    Leave(usize),
    HangUp(usize),
    Commit(usize),
    /// A static client's process is replaced by a new one.
    Reincarnate(usize),
    Pass(u64),
    Restart,
}

const CLIENTS: usize = 5;

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        6 => (client.clone(), any::<bool>()).prop_map(|(client, has_changed)| Step::Join { client, has_changed }),
        6 => client.clone().prop_map(Step::Sync),
        3 => client.clone().prop_map(Step::Heartbeat),
        1 => client.clone().prop_map(Step::Leave),
        1 => client.clone().prop_map(Step::HangUp),
        1 => client.clone().prop_map(Step::Commit),
        1 => client.prop_map(Step::Reincarnate),
        2 => (0u64..20_000).prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ]
}

/// What a client knows of itself.
#[derive(Clone, Debug, Default)]
struct Client {
    member: Option<MemberId>,
    generation: Option<Generation>,
    is_leader: bool,
    awaiting: Option<WaiterId>,
}

struct World {
    fixture: Fixture,
    clients: Vec<Client>,
    changes: u64,
    syncs: u64,
    /// Who was given what, by generation: one assignment per generation, or two owners could meet.
    given: BTreeMap<Generation, BTreeMap<MemberId, Bytes>>,
    highest_answered: Generation,
    disconnected: Vec<WaiterId>,
}

impl World {
    fn new() -> Self {
        let fixture = Fixture::with_delay(Duration::from_secs(3));
        let clients = vec![Client::default(); CLIENTS];
        let (given, disconnected) = (BTreeMap::new(), Vec::new());
        Self { fixture, clients, changes: 0, syncs: 0, given, highest_answered: Generation(0), disconnected }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Join { client, has_changed } => self.join(client, has_changed),
            Step::Sync(client) => self.sync(client),
            Step::Heartbeat(client) => {
                if let (Some(member), Some(generation)) =
                    (&self.clients[client].member, self.clients[client].generation)
                {
                    let _ = self.fixture.group.heartbeat(member, None, generation, self.fixture.now);
                }
            }
            Step::Leave(client) => {
                if let Some(member) = self.clients[client].member.take() {
                    let _ = self.fixture.leave(Leaver { member: Some(member), instance: None });
                }
            }
            Step::HangUp(client) => {
                if let Some(waiter) = self.clients[client].awaiting.take() {
                    self.fixture.cancel_waiter(waiter);
                    self.disconnected.push(waiter);
                }
            }
            Step::Commit(client) => {
                let Client { member, generation, .. } = self.clients[client].clone();
                let committer = Committer { member, instance: None, generation, ..Committer::default() };
                let _ = self.fixture.group.admit_commit(&committer, self.fixture.now);
            }
            Step::Reincarnate(client) => {
                self.clients[client] = Client { awaiting: self.clients[client].awaiting, ..Client::default() }
            }
            Step::Pass(ms) => self.fixture.pass(Duration::from_millis(ms)),
            Step::Restart => self.restart(),
        }
        self.fixture.elapse();
        self.receive_answers();
        self.check();
    }

    fn join(&mut self, client: usize, has_changed: bool) {
        self.changes += u64::from(has_changed);
        let name = format!("c{client}-{}", self.fixture.waiters);
        let base = match client {
            0 => fixed(&name, "zero"),
            1 => old(&name),
            _ => modern(&name),
        };
        let metadata = if has_changed { self.changes.to_string() } else { String::new() };
        let member = self.clients[client].member.clone();
        let protocols = vec![protocol("range", &metadata), protocol("sticky", "")];
        let waiter =
            self.fixture.join(Joiner { member, protocols, can_skip_assignment: client.is_multiple_of(2), ..base });
        self.clients[client].awaiting = Some(waiter);
    }

    fn sync(&mut self, client: usize) {
        let Client { member: Some(member), generation: Some(generation), is_leader, .. } = self.clients[client].clone()
        else {
            return;
        };
        self.syncs += 1;
        let all = self.fixture.group.members.keys().cloned();
        let work = |id: MemberId| (id.clone(), Bytes::from(format!("{id} by sync {}", self.syncs)));
        let assignments = if is_leader { all.map(work).collect() } else { BTreeMap::new() };
        let waiter = self.fixture.sync_with(Sync {
            member,
            instance: None,
            generation,
            protocol_type: Some("consumer".into()),
            protocol: None,
            assignments,
        });
        self.clients[client].awaiting = Some(waiter);
    }

    /// The process stops after its last save: whoever waits is cut off.
    fn restart(&mut self) {
        let waiting = (1..=self.fixture.waiters).map(WaiterId).filter(|waiter| self.fixture.is_waiting(*waiter));
        self.disconnected.extend(waiting);
        self.clients.iter_mut().for_each(|client| client.awaiting = None);
        self.fixture.group = match self.fixture.saves.last() {
            Some(saved) => Group::restore(saved.clone(), self.fixture.now),
            None => Group::new(),
        };
    }

    /// Clients receive their answers.
    fn receive_answers(&mut self) {
        for index in 0..CLIENTS {
            let Some(reply) =
                self.clients[index].awaiting.and_then(|waiter| self.fixture.answers.get(&waiter)).cloned()
            else {
                continue;
            };
            self.clients[index].awaiting = None;
            match reply {
                GroupReply::Join { answer, .. } => self.receive_join(index, answer),
                GroupReply::Sync { answer: Ok(synced), .. } => self.receive_sync(index, synced),
                GroupReply::Sync { answer: Err(_), .. } => {}
            }
        }
    }

    fn receive_join(&mut self, index: usize, answer: Result<Joined, JoinError>) {
        let client = &mut self.clients[index];
        match answer {
            Ok(joined) => {
                self.highest_answered = self.highest_answered.max(joined.generation);
                client.is_leader = joined.leader == joined.member && !joined.skip_assignment;
                client.generation = Some(joined.generation);
                client.member = Some(joined.member);
            }
            Err(JoinError { member, why: GroupError::MemberIdRequired(_) }) => client.member = member,
            Err(JoinError { why: GroupError::UnknownMember | GroupError::FencedInstance, .. }) => {
                *client = Client::default()
            }
            Err(_) => {}
        }
    }

    fn receive_sync(&mut self, index: usize, synced: Synced) {
        let Client { member: Some(member), generation: Some(generation), .. } = self.clients[index].clone() else {
            return;
        };
        let given = self.given.entry(generation).or_default();
        let before = given.insert(member.clone(), synced.assignment.clone());
        assert!(
            before.is_none_or(|before| before == synced.assignment),
            "two assignments for {member} in {generation}"
        );
        let author = |work: &Bytes| String::from_utf8_lossy(work).rsplit(' ').next().map(str::to_owned);
        let authors: std::collections::BTreeSet<_> =
            given.values().filter(|work| !work.is_empty()).map(author).collect();
        assert!(authors.len() <= 1, "two assignments handed out in {generation}: {given:?}");
    }

    fn check(&self) {
        let group = &self.fixture.group;
        let saved = self.fixture.saves.last().map_or(Generation(0), |saved| saved.generation);
        assert_eq!(group.generation(), saved, "every generation is saved, and none goes back");
        assert!(self.highest_answered <= group.generation());
        assert!(self.fixture.saves.is_sorted_by_key(|saved| saved.generation));
        for (instance, member) in &group.instances {
            assert_eq!(group.members[member].instance.as_ref(), Some(instance));
        }
        assert!(group.members.keys().all(|member| !group.pending_members.contains_key(member)));
        match group.state() {
            State::Empty => assert_eq!((group.size(), &group.leader), (0, &None)),
            State::CompletingRebalance | State::Stable => {
                assert!(group.members.contains_key(group.leader.as_ref().expect("led")));
            }
            State::PreparingRebalance(_) | State::Dead => {}
        }
        assert!(group.size() == 0 || group.next_deadline().is_some(), "members are never left without a deadline");
    }

    /// Time passes without further requests: all waiting requests are answered.
    fn end(mut self) {
        self.fixture.pass(Duration::from_secs(7_200));
        self.receive_answers();
        self.check();
        let waiting = (1..=self.fixture.waiters).map(WaiterId).filter(|waiter| self.fixture.is_waiting(*waiter));
        let unanswered: Vec<_> = waiting.filter(|waiter| !self.disconnected.contains(waiter)).collect();
        assert_eq!(unanswered, [], "waiting and never answered");
        assert_eq!(self.fixture.group.size(), 0, "everyone has expired");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nobody_is_forgotten_and_no_generation_has_two_assignments(
        steps in proptest::collection::vec(step(), 1..80)
    ) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
        }
        world.end();
    }
}
