//! The agent's numbers: one registry per agent, so that many agents in one process do not mix.

/// Counters and histograms of one agent. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {}
