//! The list of groups coordinated here: the stored ones, each replaced by its state in memory if it is loaded.

use std::collections::BTreeMap;

use alluvium_model::group::GroupId;

use super::config::LIST_PAGE;
use super::coordinator::Groups;

/// One line of the list of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    /// The group's name.
    pub group: GroupId,
    /// Kafka's name of its state.
    pub state: &'static str,
    /// The protocol type of its members ("consumer"); empty if it only holds offsets.
    pub protocol_type: String,
}

impl Groups {
    /// All groups that are coordinated here, by name.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn list(&self) -> Result<Vec<ListedGroup>, alluvium_metastore::Error> {
        let live_agents = self.0.context.ownership.live_agents();
        let is_ours = |group: &GroupId| live_agents.is_coordinated_here(group.as_str());
        let mut all = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.0.context.store.list(after.as_ref(), LIST_PAGE).await?;
            for listed in page.groups.into_iter().filter(|listed| is_ours(&listed.group)) {
                let protocol_type = listed.protocol_type.as_deref().unwrap_or_default().to_owned();
                all.insert(listed.group, (listed.state.name(), protocol_type));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        for (group, summary) in self.0.registry.summaries() {
            if is_ours(&group) {
                all.insert(group, (summary.state, summary.protocol_type));
            }
        }
        let line = |(group, (state, protocol_type))| ListedGroup { group, state, protocol_type };
        Ok(all.into_iter().map(line).collect())
    }
}
