//! The level-0 segment: one immutable object that holds batches of many partitions.
//!
//! Owns: the layout below, its encoder, its decoder. Does not own: record batches (bytes here; `alluvium_wire::batch`
//! reads them), object keys, uploads. Invariants: runs are sorted by (topic id, partition), each partition at most
//! once, back to back from the header to the footer; batch bytes are never copied; any bytes decode to a footer that
//! keeps these invariants, or to an error; an unknown version is an error. All integers are big-endian.
//!
//! ```text
//! object   | header: 16 | run 0 | run 1 | ... | footer | trailer: 24 |
//! header   | magic "ALLUVSEG": 8 | version: 4 | writer: 4 |
//! run      | batches of one partition, verbatim, back to back; offsets in them mean nothing |
//! footer   | writer: 4 | created, ms: 8 | runs: 4 | each run, below |
//!   run    | topic id: 16 | partition: 4 | start: 8 | end: 8 | records: 8 | batches: 4
//!          | min timestamp: 8 | max timestamp: 8 | CRC-32C of the run's bytes: 4 | producers: 4 | each producer: 18 |
//!   prod.  | id: 8 | epoch: 2 | first sequence: 4 | last sequence: 4 |
//! trailer  | footer bytes: 8 | CRC-32C of the footer: 4 | version: 4 | magic "GESVULLA": 8 |
//! ```
//!
//! The footer makes a segment self-describing: the metastore's rows for it could be rebuilt from it alone. A reader of
//! a byte range needs no footer: it checks each batch's own CRC-32C.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod decode;
mod encode;
mod layout;
mod run;

pub use decode::{FormatError, verify_header, verify_run};
pub use encode::{BatchFacts, BatchInput, EncodeError, EncodedSegment, RunInput, encode};
pub use layout::{HEADER_LEN, TRAILER_LEN, VERSION};
pub use run::{Footer, ProducerRun, Run};

#[cfg(test)]
mod tests;
