//! Runs of the whole system under simulation: fixed seeds, the same seed twice, and systems that are broken on purpose.

mod broken;
mod seeds;
mod twice;
