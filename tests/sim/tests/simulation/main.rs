//! Runs of the whole system under simulation: fixed seeds, the same seed twice, and systems that are broken on purpose.

mod injected_bugs;
mod seeds;
mod twice;
