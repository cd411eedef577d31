//! The index of groups: when each generation began, and when a group may have been deleted.

use std::{collections::BTreeMap, time::Duration};

use crate::history::{Admin, Event, EventKind, Join, Outcome};

/// When a generation became the newest one, and the join that shows it.
type Generation<'h> = (Duration, Option<(usize, &'h Join)>);

/// All groups.
#[derive(Debug, Default)]
pub struct Groups<'h> {
    /// By group and time: each join with a newer generation than all before it; `None`: the group was deleted, and
    /// generations begin again.
    generations: BTreeMap<&'h str, Vec<Generation<'h>>>,
    /// By group: beginning and end of deletions that were not rejected.
    deletions: BTreeMap<&'h str, Vec<(Duration, Duration)>>,
}

impl<'h> Groups<'h> {
    pub(super) fn of(events: &'h [Event]) -> Self {
        let mut groups = Self::default();
        for (index, event) in events.iter().enumerate() {
            match &event.what {
                EventKind::Joined(join) => groups.join(event.at, index, join),
                EventKind::Admin(Admin::GroupDeleted { began, group, outcome }) if *outcome != Outcome::Refused => {
                    groups.deletions.entry(group).or_default().push((*began, event.at));
                    groups.generations.entry(group).or_default().push((event.at, None));
                }
                _ => {}
            }
        }
        groups
    }

    fn join(&mut self, at: Duration, index: usize, join: &'h Join) {
        let generations = self.generations.entry(&join.group).or_default();
        let newest = generations.last().and_then(|(_, newest)| *newest);
        if newest.is_none_or(|(_, newest)| newest.generation < join.generation) {
            generations.push((at, Some((index, join))));
        }
    }

    /// The newest generation of `group` that had begun before `at`, as shown by a join.
    pub(super) fn before(&self, group: &str, at: Duration) -> Option<(usize, &'h Join)> {
        let generations = self.generations.get(group)?;
        let begun = generations.partition_point(|(begun, _)| *begun < at);
        generations[..begun].last().and_then(|(_, newest)| *newest)
    }

    /// Whether `group` may have been deleted at some time between.
    pub(super) fn deleted(&self, group: &str, from: Duration, to: Duration) -> bool {
        self.deletions.get(group).into_iter().flatten().any(|(began, ended)| *began <= to && *ended >= from)
    }
}
