//! The coordinator as handlers see it: one method per thing that can be asked of a group.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alluvium_metastore::groups::Groups as Store;
use alluvium_metastore::leases::Leases;
use alluvium_metastore::nodes::Session;
use alluvium_metastore::offsets::Offsets;
use alluvium_model::group::{
    Description, Generation, GroupError, GroupId, InstanceId, Join, JoinError, Joined, Joiner, Leaver, MemberId, Sync,
    Synced, WaiterId,
};
use alluvium_runtime::{Clock, Rng, uuid_v4};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::clock::Monotonic;
use super::config::{ASK_ATTEMPTS_MAX, GroupsConfig};
use super::disconnects::Waiting;
use super::owner::GroupContext;
use super::owner_loop::Task;
use super::ownership::Ownership;
use super::registry::{GroupHandle, Registry};
use super::request::{Answer, Heartbeat, Request};
use alluvium_runtime::Tasks;

/// What the coordinator is handed.
pub struct GroupsParts {
    /// Groups at rest.
    pub groups: Store,
    /// Offsets at rest.
    pub offsets: Offsets,
    /// Who coordinates which of them.
    pub leases: Leases,
    /// This process among the others.
    pub session: Session,
    /// Time, for what is stored.
    pub clock: Arc<dyn Clock>,
    /// Chance: member ids.
    pub rng: Arc<dyn Rng>,
    /// Where its tasks run, and who tells them to stop.
    pub tasks: Tasks,
}

/// The group coordinator. Clones share it.
#[derive(Clone)]
pub struct Groups(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub context: GroupContext,
    pub offsets: Offsets,
    pub config: GroupsConfig,
    pub registry: Arc<Registry>,
    tasks: Tasks,
    cancel: CancellationToken,
    waiters: AtomicU64,
}

impl Groups {
    /// A coordinator. Groups come into memory when they are first asked for, or by [`Self::follow`].
    #[must_use]
    pub fn new(config: GroupsConfig, parts: GroupsParts) -> Self {
        let GroupsParts { groups, offsets, leases, session, clock, rng, tasks } = parts;
        let rules = Arc::new(config.rules.clone());
        let context = GroupContext {
            store: groups,
            ownership: Ownership { session, leases },
            rules,
            monotonic: Monotonic::start(),
            clock,
            rng,
            counts: Arc::default(),
        };
        let cancel = tasks.cancelled();
        let (registry, waiters) = (Arc::default(), AtomicU64::new(0));
        Self(Arc::new(Shared { context, offsets, config, registry, tasks, cancel, waiters }))
    }

    /// Joins `group`. Waits until the rebalance is complete; dropped before, the one who joins has hung up.
    ///
    /// # Errors
    /// Why it may not, with the member id that the answer names.
    pub async fn join(&self, group: &str, joiner: Joiner) -> Result<Joined, JoinError> {
        let asked = joiner.member.clone();
        self.join_waiting(group, joiner).await.map_err(|refused| match refused.why {
            GroupError::GroupFull => refused,
            _ => JoinError { member: refused.member.or(asked), ..refused },
        })
    }

    async fn join_waiting(&self, group: &str, joiner: Joiner) -> Result<Joined, JoinError> {
        let refuse = |why| JoinError { member: None, why };
        let group = named(group).map_err(refuse)?;
        for _ in 0..ASK_ATTEMPTS_MAX {
            let handle = self.handle(&group).map_err(refuse)?;
            let waiter = self.waiter();
            let random = uuid_v4(&*self.0.context.rng);
            let fresh = MemberId::generate(&joiner.client_id, joiner.instance.as_ref(), random);
            let (answer, waiting) = Waiting::new(waiter, Arc::clone(&handle.disconnects));
            let join = Join { waiter, fresh, joiner: joiner.clone() };
            if handle.mailbox.send(Request::Join(join, answer)).await.is_ok()
                && let Some(answer) = waiting.answer().await
            {
                return answer;
            }
        }
        Err(refuse(GroupError::NotAvailable))
    }

    /// Asks for an assignment, or brings everybody's. Waits until the leader has; dropped before, the one who asks has
    /// hung up.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn sync(&self, group: &str, sync: Sync) -> Result<Synced, GroupError> {
        let group = named(group)?;
        for _ in 0..ASK_ATTEMPTS_MAX {
            let handle = self.handle(&group)?;
            let waiter = self.waiter();
            let (answer, waiting) = Waiting::new(waiter, Arc::clone(&handle.disconnects));
            if handle.mailbox.send(Request::Sync(waiter, sync.clone(), answer)).await.is_ok()
                && let Some(answer) = waiting.answer().await
            {
                return answer;
            }
        }
        Err(GroupError::NotAvailable)
    }

    /// Says that a member is alive.
    ///
    /// # Errors
    /// Where it is not (any more) who it takes itself for, or must join again.
    pub async fn heartbeat(
        &self,
        group: &str,
        member: MemberId,
        instance: Option<InstanceId>,
        generation: Generation,
    ) -> Result<(), GroupError> {
        let heartbeat = Heartbeat { member, instance, generation };
        self.ask(&named(group)?, |answer| Request::Heartbeat(heartbeat.clone(), answer)).await?
    }

    /// Lets members go: a verdict on each, in their order.
    ///
    /// # Errors
    /// Where the group cannot be served.
    pub async fn leave(&self, group: &str, leavers: Vec<Leaver>) -> Result<Vec<Result<(), GroupError>>, GroupError> {
        self.ask(&named(group)?, |answer| Request::Leave(leavers.clone(), answer)).await?
    }

    /// Describes `group`; `None` where there is none.
    ///
    /// # Errors
    /// Where the group cannot be served.
    pub async fn describe(&self, group: &str) -> Result<Option<Description>, GroupError> {
        self.ask(&any(group)?, Request::Describe).await?
    }

    /// Deletes `group` and all its offsets.
    ///
    /// # Errors
    /// Where there is none, or it has members.
    pub async fn delete(&self, group: &str) -> Result<(), GroupError> {
        self.ask(&any(group)?, Request::Delete).await?
    }

    /// How many groups are in memory.
    #[must_use]
    pub fn in_memory(&self) -> usize {
        self.0.registry.len()
    }

    /// Asks the task of `group`, again where it left memory before it took the request.
    pub(super) async fn ask<T>(&self, group: &GroupId, make: impl Fn(Answer<T>) -> Request) -> Result<T, GroupError> {
        for _ in 0..ASK_ATTEMPTS_MAX {
            let handle = self.handle(group)?;
            let (reply, answer) = oneshot::channel();
            if handle.mailbox.send(make(reply)).await.is_ok()
                && let Ok(answer) = answer.await
            {
                return Ok(answer);
            }
        }
        Err(GroupError::NotAvailable)
    }

    fn handle(&self, group: &GroupId) -> Result<GroupHandle, GroupError> {
        let Shared { context, registry, tasks, cancel, .. } = &*self.0;
        if cancel.is_cancelled() || !context.ownership.serves(group) {
            return Err(GroupError::NotCoordinator);
        }
        let open = || {
            let (task, handle) = Task::new(group.clone(), context.clone(), Arc::clone(registry), cancel.clone());
            tasks.spawn("group", task.run());
            handle
        };
        registry.handle(group, open).ok_or(GroupError::NotAvailable)
    }

    fn waiter(&self) -> WaiterId {
        WaiterId(self.0.waiters.fetch_add(1, Ordering::Relaxed))
    }
}

/// A group that can have members: its name is not empty.
fn named(group: &str) -> Result<GroupId, GroupError> {
    if group.is_empty() { Err(GroupError::InvalidGroupId) } else { any(group) }
}

/// Any group: the nameless one can hold offsets (Kafka allows it for old clients' sake).
pub(super) fn any(group: &str) -> Result<GroupId, GroupError> {
    GroupId::new(group).ok_or(GroupError::InvalidGroupId)
}
