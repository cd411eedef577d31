//! The whole compactor over a metastore and a bucket in memory: compaction never changes what consumers can read.

mod broken;
mod crash;
mod drafts;
mod failing_jobs;
mod failing_reads;
mod faulty_hours;
mod finding;
mod garbage;
mod history;
mod history_v1;
mod independence;
mod interleavings;
mod jobs;
mod shared_files;
mod sharing;
mod spreading;
mod together;
mod transactions;
mod urgent;
mod world;
