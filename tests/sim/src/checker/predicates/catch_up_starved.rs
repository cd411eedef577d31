//! catch-up-starved: a consumer that began far behind did not catch up with the load.

use super::starved;
use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::Upkeep,
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    starved::find(history, Upkeep::CatchUp, findings);
}
