//! The whole compactor over a metastore and a bucket in memory: what consumers can read never changes.

mod broken;
mod crash;
mod garbage;
mod history;
mod interleavings;
mod sharing;
mod world;
