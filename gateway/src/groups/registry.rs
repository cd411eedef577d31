//! Which groups are in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_model::group::GroupId;
use tokio::sync::mpsc;

use super::config::GROUPS_MAX;
use super::disconnects::Disconnects;
use super::request::Request;

/// The way to a group's task.
#[derive(Clone)]
pub(super) struct GroupHandle {
    pub mailbox: mpsc::Sender<Request>,
    pub disconnects: Arc<Disconnects>,
    pub summary: Arc<Mutex<Option<GroupSummary>>>,
}

/// What the list of groups shows of a group in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GroupSummary {
    pub state: &'static str,
    pub protocol_type: String,
}

/// All groups in memory, by name.
#[derive(Default)]
pub(super) struct Registry(Mutex<HashMap<GroupId, GroupHandle>>);

impl Registry {
    /// The handle of `group`, opened by `open` where there is none; `None` where there is no room for one more.
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

    /// Closes the handle of `group`, unless it is another's by now.
    pub fn close(&self, group: &GroupId, disconnects: &Arc<Disconnects>) {
        let mut handles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if handles.get(group).is_some_and(|handle| Arc::ptr_eq(&handle.disconnects, disconnects)) {
            handles.remove(group);
        }
    }

    /// How many groups are in memory.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What all groups in memory show.
    pub fn summaries(&self) -> Vec<(GroupId, GroupSummary)> {
        let handles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |handle: &GroupHandle| handle.summary.lock().unwrap_or_else(PoisonError::into_inner).clone();
        handles.iter().filter_map(|(group, handle)| Some((group.clone(), shown(handle)?))).collect()
    }
}
