//! The coordinator as handlers see it: one method per operation on a group.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alluvium_metastore::groups::Groups as Store;
use alluvium_metastore::leases::Leases;
use alluvium_metastore::nodes::Session;
use alluvium_metastore::offsets::Offsets;
use alluvium_metastore::transactions::Transactions;
use alluvium_model::group::{
    Description, Generation, GroupError, GroupId, InstanceId, Join, JoinError, Joined, Joiner, Leaver, MemberId, Sync,
    Synced, WaiterId,
};
use alluvium_runtime::{Clock, Rng, Tasks, uuid_v4};
use tokio_util::sync::CancellationToken;

use super::config::{ASK_ATTEMPTS_MAX, GroupsConfig};
use super::context::{GroupContext, MonotonicClock};
use super::counters::GroupTotals;
use super::disconnects::AnswerReceiver;
use super::group_task::GroupTask;
use super::ownership::Ownership;
use super::registry::{GroupHandle, Registry};
use super::request::{AnswerSender, Heartbeat, Request};

/// The services that the coordinator uses.
pub struct GroupsParts {
    /// Stored groups.
    pub groups: Store,
    /// Stored offsets.
    pub offsets: Offsets,
    /// Stored transactions, which offsets can be committed with.
    pub transactions: Transactions,
    /// The leases of groups.
    pub leases: Leases,
    /// This process's registration among the live agents.
    pub session: Session,
    /// Wall time, for stored rows.
    pub clock: Arc<dyn Clock>,
    /// Random numbers, for member ids.
    pub rng: Arc<dyn Rng>,
    /// Spawns the tasks of groups, and cancels them.
    pub tasks: Tasks,
}

/// The group coordinator. Clones share it.
#[derive(Clone)]
pub struct Groups(pub(super) Arc<Coordinator>);

/// What all clones of [`Groups`] share.
pub(super) struct Coordinator {
    /// What the tasks of groups use.
    pub context: GroupContext,
    /// Stored offsets.
    pub offsets: Offsets,
    /// Stored transactions.
    pub transactions: Transactions,
    /// The configuration of groups.
    pub config: GroupsConfig,
    /// The groups in memory.
    pub registry: Arc<Registry>,
    tasks: Tasks,
    cancel: CancellationToken,
    next_waiter: AtomicU64,
}

impl Groups {
    /// A coordinator with no groups in memory. They are loaded at their first request, or by [`Self::run_takeovers`].
    #[must_use]
    pub fn new(config: GroupsConfig, parts: GroupsParts) -> Self {
        let GroupsParts { groups, offsets, transactions, leases, session, clock, rng, tasks } = parts;
        let rules = Arc::new(config.rules.clone());
        let context = GroupContext {
            store: groups,
            ownership: Ownership { session, leases },
            rules,
            monotonic: MonotonicClock::start(),
            clock,
            rng,
            counters: Arc::default(),
        };
        let cancel = tasks.cancelled();
        let (registry, next_waiter) = (Arc::default(), AtomicU64::new(0));
        Self(Arc::new(Coordinator { context, offsets, transactions, config, registry, tasks, cancel, next_waiter }))
    }

    /// Joins `group`. Waits until the rebalance is complete; if the future is dropped before, the client has
    /// disconnected.
    ///
    /// # Errors
    /// Why it cannot join, with the member id that the answer names.
    pub async fn join(&self, group: &str, joiner: Joiner) -> Result<Joined, JoinError> {
        let requested = joiner.member.clone();
        self.join_waiting(group, joiner).await.map_err(|error| match error.why {
            GroupError::GroupFull => error,
            _ => JoinError { member: error.member.or(requested), ..error },
        })
    }

    async fn join_waiting(&self, group: &str, joiner: Joiner) -> Result<Joined, JoinError> {
        let anonymous = |why| JoinError { member: None, why };
        let group = nonempty_group_id(group).map_err(anonymous)?;
        let request = |handle: &GroupHandle| {
            let waiter = self.new_waiter();
            let random = uuid_v4(&*self.0.context.rng);
            let fresh = MemberId::generate(&joiner.client_id, joiner.instance.as_ref(), random);
            let (answer, receiver) = AnswerReceiver::with_waiter(waiter, Arc::clone(&handle.disconnects));
            (Request::Join(Join { waiter, fresh, joiner: joiner.clone() }, answer), receiver)
        };
        self.ask_with(&group, request).await.map_err(anonymous)?
    }

    /// Fetches a member's assignment, or, for the leader, stores those of all members. Waits until the leader has sent
    /// them; if the future is dropped before, the client has disconnected.
    ///
    /// # Errors
    /// Why there is no assignment.
    pub async fn sync(&self, group: &str, sync: Sync) -> Result<Synced, GroupError> {
        let request = |handle: &GroupHandle| {
            let waiter = self.new_waiter();
            let (answer, receiver) = AnswerReceiver::with_waiter(waiter, Arc::clone(&handle.disconnects));
            (Request::Sync(waiter, sync.clone(), answer), receiver)
        };
        self.ask_with(&nonempty_group_id(group)?, request).await?
    }

    /// Takes a member's heartbeat.
    ///
    /// # Errors
    /// If the member is not, or no longer, in the group's current generation, or must join again.
    pub async fn heartbeat(
        &self,
        group: &str,
        member: MemberId,
        instance: Option<InstanceId>,
        generation: Generation,
    ) -> Result<(), GroupError> {
        let heartbeat = Heartbeat { member, instance, generation };
        self.ask(&nonempty_group_id(group)?, |answer| Request::Heartbeat(heartbeat.clone(), answer)).await?
    }

    /// Removes members that leave: one result per member, in their order.
    ///
    /// # Errors
    /// If the group cannot be served.
    pub async fn leave(&self, group: &str, leavers: Vec<Leaver>) -> Result<Vec<Result<(), GroupError>>, GroupError> {
        self.ask(&nonempty_group_id(group)?, |answer| Request::Leave(leavers.clone(), answer)).await?
    }

    /// Describes `group`; `None` if it does not exist.
    ///
    /// # Errors
    /// If the group cannot be served.
    pub async fn describe(&self, group: &str) -> Result<Option<Description>, GroupError> {
        self.ask(&group_id(group)?, Request::Describe).await?
    }

    /// Deletes `group` and all its offsets.
    ///
    /// # Errors
    /// If it does not exist, or has members.
    pub async fn delete(&self, group: &str) -> Result<(), GroupError> {
        self.ask(&group_id(group)?, Request::Delete).await?
    }

    /// How many groups are in memory.
    #[must_use]
    pub fn in_memory(&self) -> usize {
        self.0.registry.len()
    }

    /// Groups in memory, and what has happened to groups since the start.
    #[must_use]
    pub fn totals(&self) -> GroupTotals {
        self.0.context.counters.totals(self.0.registry.count_by_state())
    }

    /// Sends a request to the task of `group`, and waits for its answer. The task need not know if the client
    /// disconnects.
    pub(super) async fn ask<T>(
        &self,
        group: &GroupId,
        request: impl Fn(AnswerSender<T>) -> Request,
    ) -> Result<T, GroupError> {
        let without_waiter = |_: &GroupHandle| {
            let (answer, receiver) = AnswerReceiver::new();
            (request(answer), receiver)
        };
        self.ask_with(group, without_waiter).await
    }

    /// Sends the request that `request` builds to the group's task and waits for the answer. Tries again if the task
    /// left memory before it took the request. Every request goes through here.
    async fn ask_with<T>(
        &self,
        group: &GroupId,
        request: impl Fn(&GroupHandle) -> (Request, AnswerReceiver<T>),
    ) -> Result<T, GroupError> {
        for _ in 0..ASK_ATTEMPTS_MAX {
            let handle = self.handle(group)?;
            let (request, receiver) = request(&handle);
            if handle.mailbox.send(request).await.is_ok()
                && let Some(answer) = receiver.answer().await
            {
                return Ok(answer);
            }
        }
        Err(GroupError::NotAvailable)
    }

    fn handle(&self, group: &GroupId) -> Result<GroupHandle, GroupError> {
        let Coordinator { context, registry, tasks, cancel, .. } = &*self.0;
        if cancel.is_cancelled() || !context.ownership.may_answer(group, None) {
            return Err(GroupError::NotCoordinator);
        }
        let open = || {
            let (task, handle) = GroupTask::new(group.clone(), context.clone(), Arc::clone(registry), cancel.clone());
            tasks.spawn("group", task.run());
            handle
        };
        registry.handle(group, open).ok_or(GroupError::NotAvailable)
    }

    fn new_waiter(&self) -> WaiterId {
        WaiterId(self.0.next_waiter.fetch_add(1, Ordering::Relaxed))
    }
}

/// The id of a group that can have members: its name is not empty.
fn nonempty_group_id(group: &str) -> Result<GroupId, GroupError> {
    if group.is_empty() { Err(GroupError::InvalidGroupId) } else { group_id(group) }
}

/// The id of any group: one with an empty name can hold offsets (Kafka allows it for old clients).
pub(super) fn group_id(group: &str) -> Result<GroupId, GroupError> {
    GroupId::new(group).ok_or(GroupError::InvalidGroupId)
}
