//! stale-generation-accepted: a heartbeat or a commit of an old generation was sent after a newer one had begun, and
//! was accepted: by a coordinator that has lost its ownership, or because a fence is missing.

use std::time::Duration;

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::{EventKind, Outcome},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (index, event) in history.events.iter().enumerate() {
        let (group, generation, member, began) = match &event.what {
            EventKind::Heartbeat(heartbeat) if heartbeat.outcome == Outcome::Done => {
                (heartbeat.group.as_str(), heartbeat.generation, &heartbeat.member, heartbeat.began)
            }
            EventKind::CommittedOffset(commit) if commit.outcome == Outcome::Done => match commit.generation {
                Some(generation) => (commit.group.as_str(), generation, &commit.member, commit.began),
                None => continue,
            },
            _ => continue,
        };
        check(history, (index, event.at), (group, generation, member, began), findings);
    }
}

fn check(
    history: &IndexedHistory<'_>,
    (index, at): (usize, Duration),
    (group, generation, member, began): (&str, i32, &str, Duration),
    findings: &mut Findings,
) {
    let Some((before, newest)) = history.generation_before(group, began) else { return };
    if newest.generation > generation && !history.group_deleted(group, newest.began, at) {
        findings.add([before, index], || {
            let newer = newest.generation;
            format!(
                "group {group}: {member} of generation {generation} was accepted after generation {newer} had begun"
            )
        });
    }
}
