//! compaction-starved: while the load went on, level 0 did not drain.

use super::starved;
use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::Upkeep,
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    starved::find(history, Upkeep::Compaction, findings);
}
