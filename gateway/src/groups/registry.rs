//! Which groups are in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_model::group::GroupId;
use tokio::sync::mpsc;

use super::config::GROUPS_MAX;
use super::disconnects::Disconnects;
use super::request::Request;

/// The handle of a group's task.
#[derive(Clone)]
pub(super) struct GroupHandle {
    /// Where requests are sent.
    pub mailbox: mpsc::Sender<Request>,
    /// Where disconnects of waiting clients are noted.
    pub disconnects: Arc<Disconnects>,
    /// What the list of groups shows; `None` while there is nothing to show.
    pub summary: Arc<Mutex<Option<GroupSummary>>>,
}

/// What the list of groups shows of a group in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GroupSummary {
    /// Kafka's name of its state.
    pub state: &'static str,
    /// The protocol type of its members ("consumer"); empty if it never had any.
    pub protocol_type: String,
}

/// All groups in memory, by name.
#[derive(Default)]
pub(super) struct Registry(Mutex<HashMap<GroupId, GroupHandle>>);

impl Registry {
    /// The handle of `group`, opened by `open` if there is none; `None` if there is no room for one more.
    pub fn handle(&self, group: &GroupId, open: impl FnOnce() -> GroupHandle) -> Option<GroupHandle> {
        let mut handles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = handles.get(group).filter(|handle| !handle.mailbox.is_closed()) {
            return Some(handle.clone());
        }
        if handles.len() >= GROUPS_MAX {
            return None;
        }
        let handle = open();
        handles.insert(group.clone(), handle.clone());
        Some(handle)
    }

    /// Removes the handle of `group`, unless a newer task has replaced it (`disconnects` identifies the task).
    pub fn remove(&self, group: &GroupId, disconnects: &Arc<Disconnects>) {
        let mut handles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if handles.get(group).is_some_and(|handle| Arc::ptr_eq(&handle.disconnects, disconnects)) {
            handles.remove(group);
        }
    }

    /// How many groups are in memory.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The summaries of all groups in memory that have one.
    pub fn summaries(&self) -> Vec<(GroupId, GroupSummary)> {
        let handles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let summary = |handle: &GroupHandle| handle.summary.lock().unwrap_or_else(PoisonError::into_inner).clone();
        handles.iter().filter_map(|(group, handle)| Some((group.clone(), summary(handle)?))).collect()
    }

    /// How many groups are in memory, by Kafka's name of their state.
    pub fn count_by_state(&self) -> BTreeMap<&'static str, u64> {
        let mut by_state = BTreeMap::new();
        for (_, summary) in self.summaries() {
            *by_state.entry(summary.state).or_default() += 1;
        }
        by_state
    }
}
