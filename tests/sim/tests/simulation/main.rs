//! Runs of the whole system under simulation: fixed seeds, the same seed twice, and systems with injected bugs.

mod injected_bugs;
mod seeds;
mod twice;
