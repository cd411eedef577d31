//! Breaking log starts and the store.

use std::time::Duration;

use super::super::history_builder::object;
use super::pick::{AckedSend, Pick, readbacks};
use crate::history::{Admin, EventKind, FinalObjects, History, Outcome, Upkeep};

pub fn raise_a_log_start(history: &mut History, pick: &mut Pick) -> Option<()> {
    // A batch that no deletion, whatever its end, has touched.
    let AckedSend { batch, base, .. } = pick.acked(history, |_| true)?;
    for back in readbacks(history).filter(|back| back.partition == batch.partition) {
        back.log_start = base.plus(1);
        back.records.retain(|seen| seen.offset > base);
    }
    Some(())
}

pub fn ignore_a_deletion(history: &mut History, pick: &mut Pick) -> Option<()> {
    let deletion = pick.event(history, |what| {
        matches!(what, EventKind::Admin(Admin::RecordsDeleted { before: Some(before), outcome: Outcome::Done, .. })
            if before.0 > 0)
    })?;
    let EventKind::Admin(Admin::RecordsDeleted { partition, before: Some(before), .. }) = history.events[deletion].what
    else {
        return None;
    };
    for back in readbacks(history).filter(|back| back.partition == partition) {
        back.log_start.0 = before.0 - 1;
        back.began = Duration::MAX;
    }
    Some(())
}

pub fn lose_an_object(history: &mut History, _: &mut Pick) -> Option<()> {
    let lost = object(1);
    let objects = objects(history)?;
    objects.stored.retain(|stored| *stored != lost);
    objects.live.iter().any(|extent| extent.object == Some(lost)).then_some(())
}

pub fn leave_an_object(history: &mut History, _: &mut Pick) -> Option<()> {
    objects(history)?.stored.push(object(9));
    Some(())
}

pub fn leave_a_part_in_a_shared_file(history: &mut History, _: &mut Pick) -> Option<()> {
    objects(history)?.doubled.push("a part that was replaced".to_owned());
    Some(())
}

pub fn lose_an_extent(history: &mut History, pick: &mut Pick) -> Option<()> {
    let AckedSend { batch, .. } = pick.acked(history, |_| true)?;
    let objects = objects(history)?;
    let place = objects.live.iter().rposition(|extent| extent.partition == batch.partition)?;
    objects.live.remove(place);
    Some(())
}

pub fn stretch_an_extent(history: &mut History, _: &mut Pick) -> Option<()> {
    let objects = objects(history)?;
    let place = objects.live.windows(2).position(|pair| pair[0].partition == pair[1].partition)?;
    let end = &mut objects.live[place].offsets.end;
    *end = end.plus(1);
    Some(())
}

pub fn starve_compaction(history: &mut History, pick: &mut Pick) -> Option<()> {
    starve(history, pick, Upkeep::Compaction)
}

pub fn starve_retention(history: &mut History, pick: &mut Pick) -> Option<()> {
    starve(history, pick, Upkeep::Retention)
}

pub fn starve_a_late_consumer(history: &mut History, pick: &mut Pick) -> Option<()> {
    starve(history, pick, Upkeep::CatchUp)
}

/// Some work on a partition has not come to what was due.
fn starve(history: &mut History, pick: &mut Pick, work: Upkeep) -> Option<()> {
    let at = pick.event(history, |what| matches!(what, EventKind::Progress(progress) if progress.work == work))?;
    let EventKind::Progress(progress) = &mut history.events[at].what else { return None };
    progress.due = progress.at.plus(1);
    Some(())
}

pub fn get_stuck(history: &mut History, _: &mut Pick) -> Option<()> {
    history.events.last_mut()?.what = EventKind::Stuck("a consumer waits for ever".to_owned());
    Some(())
}

fn objects(history: &mut History) -> Option<&mut FinalObjects> {
    history.events.iter_mut().find_map(|event| match &mut event.what {
        EventKind::FinalObjects(objects) => Some(objects),
        _ => None,
    })
}
