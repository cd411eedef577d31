//! The list of groups that are coordinated here: those at rest, and in place of them those in memory, which know better.

use std::collections::BTreeMap;

use alluvium_model::group::GroupId;

use super::config::LIST_PAGE;
use super::coordinator::Groups;
use crate::live_agents::LiveAgents;

/// One line of the list of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    /// Its name.
    pub group: GroupId,
    /// Kafka's name of its state.
    pub state: &'static str,
    /// What kind of group it is; empty where it only holds offsets.
    pub protocol_type: String,
}

impl Groups {
    /// All groups that are coordinated here, by name.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn list(&self) -> Result<Vec<ListedGroup>, alluvium_metastore::Error> {
        let live_agents = LiveAgents::of(&self.0.context.ownership.session);
        let mut all = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.0.context.store.list(after.as_ref(), LIST_PAGE).await?;
            for listed in
                page.groups.into_iter().filter(|listed| live_agents.is_coordinated_here(listed.group.as_str()))
            {
                let protocol_type = listed.protocol_type.as_deref().unwrap_or_default().to_owned();
                all.insert(listed.group, (listed.state.name(), protocol_type));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        for (group, summary) in self.0.registry.summaries() {
            if !live_agents.is_coordinated_here(group.as_str()) {
                continue;
            }
            all.insert(group, (summary.state, summary.protocol_type));
        }
        let line = |(group, (state, protocol_type))| ListedGroup { group, state, protocol_type };
        Ok(all.into_iter().map(line).collect())
    }
}
