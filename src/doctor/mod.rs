//! `alluvium doctor`: checks what a process of ours needs, says what was found, what it means and what to do about it.
//!
//! Owns: the checks, one file per family, and how findings are shown. Does not own: how stores are opened (`stores`), what
//! options mean (`config`). Nothing that others see is left behind: objects and the node that are written as probes are
//! removed.
//!
//! | family | file |
//! |---|---|
//! | can objects be written, read, listed, deleted; how fast | `bucket` |
//! | what the bucket does to them by itself | `upkeep` |
//! | can metadata be read and committed; how fast | `metastore` |
//! | who else is there, and by which clock | `nodes` |
//! | listening and advertised addresses | `listeners` |
//! | limits of the process | `process` |
//! | room for local files | `disk` |

mod bucket;
mod disk;
mod finding;
mod latency;
mod listeners;
mod metastore;
mod nodes;
mod process;
mod run;
mod show;
mod upkeep;

pub use run::doctor;
