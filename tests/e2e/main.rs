//! The real binary over real TCP: acknowledged records survive kills, stops, full disks, failing stores and damage.

#![expect(clippy::disallowed_methods, reason = "a real process is waited for in real time")]

mod agents;
mod compaction;
mod damage;
mod disk;
mod doctor;
mod foundationdb;
mod hostile;
mod kill_groups;
mod kill_producers;
mod load;
mod metastores;
mod outage;
mod records;
mod retention;
mod roles;
mod s3;
mod server;
mod slow_readers;
mod small_disk;
mod start_errors;
mod stop;
