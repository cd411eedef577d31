//! retention-starved: while the load went on, records that should go stayed.

use super::starved;
use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::Upkeep,
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    starved::find(history, Upkeep::Retention, findings);
}
