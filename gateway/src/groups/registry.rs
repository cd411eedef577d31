//! Which groups are in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_model::group::GroupId;
use tokio::sync::mpsc;

use super::config::GROUPS_MAX;
use super::request::Request;
use super::waiting::HangUps;

/// The way to a group's task.
#[derive(Clone)]
pub(super) struct Door {
    pub mailbox: mpsc::Sender<Request>,
    pub hang_ups: Arc<HangUps>,
    pub sign: Arc<Mutex<Option<Sign>>>,
}

/// What the list of groups shows of a group in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    pub state: &'static str,
    pub protocol_type: String,
}

/// All groups in memory, by name.
#[derive(Default)]
pub(super) struct Registry(Mutex<HashMap<GroupId, Door>>);

impl Registry {
    /// The door of `group`, opened by `open` where there is none; `None` where there is no room for one more.
    pub fn door(&self, group: &GroupId, open: impl FnOnce() -> Door) -> Option<Door> {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = doors.get(group).filter(|door| !door.mailbox.is_closed()) {
            return Some(door.clone());
        }
        if doors.len() >= GROUPS_MAX {
            return None;
        }
        let door = open();
        doors.insert(group.clone(), door.clone());
        Some(door)
    }

    /// Closes the door of `group`, unless it is another's by now.
    pub fn close(&self, group: &GroupId, hang_ups: &Arc<HangUps>) {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if doors.get(group).is_some_and(|door| Arc::ptr_eq(&door.hang_ups, hang_ups)) {
            doors.remove(group);
        }
    }

    /// How many groups are in memory.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What all groups in memory show.
    pub fn signs(&self) -> Vec<(GroupId, Sign)> {
        let doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |door: &Door| door.sign.lock().unwrap_or_else(PoisonError::into_inner).clone();
        doors.iter().filter_map(|(group, door)| Some((group.clone(), shown(door)?))).collect()
    }
}
