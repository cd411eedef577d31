//! stale-generation-accepted: a heartbeat or a commit of an old generation went out after a younger one had begun, and was
//! accepted: a coordinator that is none any more, or a fence that is missing.

use std::time::Duration;

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::{EventKind, Outcome},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (index, event) in history.events.iter().enumerate() {
        let (group, generation, member, began) = match &event.what {
            EventKind::Heartbeat(beat) if beat.outcome == Outcome::Done => {
                (beat.group.as_str(), beat.generation, &beat.member, beat.began)
            }
            EventKind::CommittedOffset(commit) if commit.outcome == Outcome::Done => match commit.generation {
                Some(generation) => (commit.group.as_str(), generation, &commit.member, commit.began),
                None => continue,
            },
            _ => continue,
        };
        judge(history, (index, event.at), (group, generation, member, began), findings);
    }
}

fn judge(
    history: &IndexedHistory<'_>,
    (index, at): (usize, Duration),
    (group, generation, member, began): (&str, i32, &str, Duration),
    findings: &mut Findings,
) {
    let Some((before, younger)) = history.generation_before(group, began) else { return };
    if younger.generation > generation && !history.group_deleted(group, younger.began, at) {
        findings.add([before, index], || {
            let newer = younger.generation;
            format!(
                "group {group}: {member} of generation {generation} was accepted after generation {newer} had begun"
            )
        });
    }
}
