//! A violation as text: what is wrong, the events that show it, and the faults in that time.

use std::{collections::BTreeSet, fmt::Write, time::Duration};

use super::Violation;
use crate::history::{EventKind, History};

/// Lines of one trace: what a terminal shows at once.
const TRACE_LINES_MAX: usize = 40;
/// Faults this long before the first event shown are shown too: a session's expiry and a retry's back-off are shorter.
const FAULTS_BEFORE: Duration = Duration::from_secs(10);

/// `violation` with the events of `history` that explain it.
#[must_use]
pub fn trace(history: &History, violation: &Violation) -> String {
    let mut text = format!("{}: {}\n", violation.invariant, violation.what);
    let shown = shown(history, violation);
    let left_out = shown.len().saturating_sub(TRACE_LINES_MAX);
    for (place, index) in shown.iter().enumerate() {
        // The middle of a long trace is left out.
        if left_out > 0 && place == TRACE_LINES_MAX / 2 {
            let _ = writeln!(text, "        ... {left_out} events");
        }
        if place >= TRACE_LINES_MAX / 2 && place < TRACE_LINES_MAX / 2 + left_out {
            continue;
        }
        let mark = if violation.events.contains(index) { '>' } else { ' ' };
        let _ = writeln!(text, "{mark} {index:>7} {}", history.events[*index]);
    }
    text
}

fn shown(history: &History, violation: &Violation) -> BTreeSet<usize> {
    let mut shown: BTreeSet<usize> =
        violation.events.iter().copied().filter(|index| *index < history.events.len()).collect();
    let (Some(first), Some(last)) = (shown.first().copied(), shown.last().copied()) else { return shown };
    let since = history.events[first].at.saturating_sub(FAULTS_BEFORE);
    let start = history.events.partition_point(|event| event.at < since);
    let faults = (start..last).filter(|index| matches!(history.events[*index].what, EventKind::Fault(_)));
    shown.extend(faults);
    shown
}
