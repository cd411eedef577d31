//! How an event reads as one line of a trace.

use std::fmt;

use super::Event;

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, actor, what } = self;
        write!(f, "{:>12.6} {actor:<5} {what:?}", at.as_secs_f64())
    }
}
