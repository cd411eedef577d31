//! `alluvium doctor`: checks what a process of ours needs, and prints what it found, what that means and what to do.
//!
//! Owns: the checks, one file per family, and how findings are printed. Does not own: how stores are opened (`stores`),
//! what options mean (`config`). Invariant: nothing is left behind: the objects and the node that are written as probes
//! are removed.
//!
//! | family | file |
//! |---|---|
//! | whether objects can be written, read, listed and deleted, and how fast | `bucket` |
//! | lifecycle rules, versioning and object lock of the bucket | `bucket_settings` |
//! | whether metadata can be read and committed, and how fast | `metastore` |
//! | the other nodes and their clocks | `nodes` |
//! | listening and advertised addresses | `listeners` |
//! | limits of the process | `process` |
//! | disk space for local files | `disk` |

mod bucket;
mod bucket_settings;
mod disk;
mod finding;
mod findings;
mod format;
mod latency;
mod listeners;
mod metastore;
mod nodes;
mod process;
mod run;
mod transactions;

pub use run::doctor;
