//! A member joins: the first time, under an id promised to it, or again because a rebalance asks for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::effects::Effects;
use super::member::Parked;
use super::{
    Group, GroupError, InstanceId, Member, MemberId, NEW_MEMBER_JOIN_TIMEOUT, Protocol, Rules, State, WaiterId,
};
use crate::Timestamp;

/// A request to join, ready to be parked.
#[derive(Clone, Debug)]
pub struct Join {
    /// Under which it waits.
    pub waiter: WaiterId,
    /// A new random id, in case it needs one.
    pub fresh: MemberId,
    /// Who wants in.
    pub joiner: Joiner,
}

/// Who wants in, as it says itself.
#[derive(Clone, Debug)]
pub struct Joiner {
    /// Its id, if it has been told.
    pub member: Option<MemberId>,
    /// Its instance id, where it is static.
    pub instance: Option<InstanceId>,
    /// `client.id` of its connection.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// It may be dropped when silent for so long.
    pub session_timeout: Duration,
    /// How long a rebalance waits for it.
    pub rebalance_timeout: Duration,
    /// What kind of group it takes this for.
    pub protocol_type: Arc<str>,
    /// What it can follow, best first.
    pub protocols: Vec<Protocol>,
    /// Whether it must come back under the id that it is promised before it counts (KIP-394, from version 4).
    pub promises_id_first: bool,
    /// Whether it knows that a leader may be told to skip the assignment (KIP-814, from version 9).
    pub can_skip_assignment: bool,
}

impl Group {
    /// A member wants in. Its waiter is answered now or when the rebalance completes.
    pub fn join(&mut self, join: Join, rules: &Rules, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if let Err(why) = self.admit_join(&join, rules) {
            let named = if why == GroupError::GroupFull { None } else { join.joiner.member.clone() };
            if let (GroupError::GroupFull, Some(member)) = (&why, &join.joiner.member) {
                self.remove(member, &mut effects);
                self.complete_if_all_joined(now, &mut effects);
            }
            effects.refuse_join(join.waiter, named, why);
            return effects;
        }
        match join.joiner.member.clone() {
            None => self.join_unknown(join, rules, now, &mut effects),
            // Ids are promised to dynamic members only.
            Some(member) if join.joiner.instance.is_none() && self.promised.contains_key(&member) => {
                self.add(member, join, rules, now, &mut effects);
            }
            Some(member) => self.join_again(member, join, rules, now, &mut effects),
        }
        effects
    }

    fn admit_join(&self, join: &Join, rules: &Rules) -> Result<(), GroupError> {
        if self.state == State::Dead {
            return Err(GroupError::NotAvailable);
        }
        if !(rules.session_timeout_min..=rules.session_timeout_max).contains(&join.joiner.session_timeout) {
            return Err(GroupError::InvalidSessionTimeout);
        }
        if !self.has_room(join, rules) {
            return Err(GroupError::GroupFull);
        }
        if !self.supports(&join.joiner.protocol_type, &join.joiner.protocols) {
            return Err(GroupError::InconsistentProtocol);
        }
        Ok(())
    }

    /// Members beyond the limit are turned away: while preparing those who come late, else those who are new.
    fn has_room(&self, join: &Join, rules: &Rules) -> bool {
        let known = join.joiner.member.as_ref().and_then(|id| self.members.get_key_value(id));
        let places = match &self.state {
            State::Empty | State::Dead => true,
            State::PreparingRebalance(_) => {
                known.is_some_and(|(_, member)| member.has_joined())
                    || self.members.values().filter(|member| member.has_joined()).count() < rules.size_max
            }
            State::CompletingRebalance | State::Stable => known.is_some() || self.members.len() < rules.size_max,
        };
        let promises = join.joiner.member.is_some() || self.promised.len() < rules.size_max;
        let metadata: usize = join.joiner.protocols.iter().map(|p| p.name.len() + p.metadata.len()).sum();
        let comes = metadata + join.fresh.as_str().len() + join.joiner.client_id.len() + join.joiner.client_host.len();
        let goes = known.map_or(0, |(id, member)| member.bytes(id));
        places && promises && self.bytes().saturating_sub(goes).saturating_add(comes) <= rules.bytes_max
    }

    fn join_unknown(&mut self, join: Join, rules: &Rules, now: Timestamp, effects: &mut Effects) {
        let fresh = join.fresh.clone();
        let current = join.joiner.instance.as_ref().and_then(|instance| self.instances.get(instance)).cloned();
        match (current, &join.joiner.instance) {
            (Some(current), _) => self.join_static_again(&current, join, rules, now, effects),
            (None, None) if join.joiner.promises_id_first => {
                self.promised.insert(fresh.clone(), now.plus(join.joiner.session_timeout));
                effects.refuse_join(join.waiter, Some(fresh.clone()), GroupError::MemberIdRequired(fresh));
            }
            (None, _) => self.add(fresh, join, rules, now, effects),
        }
    }

    /// Takes in a member that was not there.
    fn add(&mut self, id: MemberId, join: Join, rules: &Rules, now: Timestamp, effects: &mut Effects) {
        self.promised.remove(&id);
        if self.members.is_empty() {
            self.protocol_type = Some(Arc::clone(&join.joiner.protocol_type));
        }
        if let State::PreparingRebalance(gathering) = &mut self.state
            && let Some(initial) = &mut gathering.initial
        {
            initial.someone_came = true;
        }
        if let Some(instance) = &join.joiner.instance {
            self.instances.insert(instance.clone(), id.clone());
        }
        self.leader.get_or_insert_with(|| id.clone());
        let member = Member {
            instance: join.joiner.instance,
            client_id: join.joiner.client_id,
            client_host: join.joiner.client_host,
            session_timeout: join.joiner.session_timeout,
            rebalance_timeout: join.joiner.rebalance_timeout,
            protocols: join.joiner.protocols,
            assignment: Bytes::new(),
            parked: Some(Parked::Join(join.waiter)),
            expires: now.plus(NEW_MEMBER_JOIN_TIMEOUT),
            is_new: true,
        };
        self.members.insert(id, member);
        self.rebalance(rules, now, effects);
    }

    fn join_again(&mut self, id: MemberId, join: Join, rules: &Rules, now: Timestamp, effects: &mut Effects) {
        if let Err(why) = self.check_member(&id, join.joiner.instance.as_ref()) {
            return effects.refuse_join(join.waiter, Some(id), why);
        }
        let is_leader = self.leader.as_ref() == Some(&id);
        let has_news = self.members.get(&id).is_none_or(|member| member.protocols != join.joiner.protocols);
        let told = match &self.state {
            State::Empty | State::Dead => {
                return effects.refuse_join(join.waiter, Some(id), GroupError::UnknownMember);
            }
            State::PreparingRebalance(_) => None,
            // It has probably missed the answer to its last join.
            State::CompletingRebalance if !has_news => self.joined(&id, is_leader, false),
            State::CompletingRebalance => None,
            // A leader that joins again has something new to assign, even if its own metadata is the same.
            State::Stable if !has_news && !is_leader => self.joined(&id, false, false),
            State::Stable => None,
        };
        match told {
            Some(joined) => effects.admit(join.waiter, joined),
            None => {
                self.renew(&id, join, effects);
                self.rebalance(rules, now, effects);
            }
        }
    }

    /// Notes what a member says now, and parks its join.
    pub(super) fn renew(&mut self, id: &MemberId, join: Join, effects: &mut Effects) {
        self.park(id, Parked::Join(join.waiter), effects);
        if let Some(member) = self.members.get_mut(id) {
            member.protocols = join.joiner.protocols;
            member.session_timeout = join.joiner.session_timeout;
            member.rebalance_timeout = join.joiner.rebalance_timeout;
            member.client_id = join.joiner.client_id;
            member.client_host = join.joiner.client_host;
        }
    }

    /// Parks a request of `id`, in place of one that it must have given up.
    pub(super) fn park(&mut self, id: &MemberId, request: Parked, effects: &mut Effects) {
        let Some(member) = self.members.get_mut(id) else { return };
        let before = member.parked.replace(request);
        answer_parked(id, before, GroupError::RebalanceInProgress, effects);
    }

    /// Drops a member; whatever request it had parked is told so.
    pub(super) fn remove(&mut self, id: &MemberId, effects: &mut Effects) {
        if let Some(member) = self.take_out(id) {
            answer_parked(id, member.parked, GroupError::UnknownMember, effects);
        }
    }
}

/// Refuses a parked request of `id`.
pub(super) fn answer_parked(id: &MemberId, parked: Option<Parked>, why: GroupError, effects: &mut Effects) {
    match parked {
        Some(Parked::Join(waiter)) => effects.refuse_join(waiter, Some(id.clone()), why),
        Some(Parked::Sync(waiter)) => effects.answer_sync(waiter, Err(why)),
        None => {}
    }
}
