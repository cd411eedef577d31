//! stuck: after the end of faults something did not come to an end.

use crate::{
    checker::{findings::Findings, view::View},
    history::Happening,
};

pub fn find(view: &View<'_>, findings: &mut Findings) {
    for (index, event) in view.events.iter().enumerate() {
        if let Happening::Stuck(what) = &event.what {
            findings.add([index], || what.clone());
        }
    }
}
