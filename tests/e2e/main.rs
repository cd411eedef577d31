//! The real binary over real TCP, with clients that are not ours: what is acknowledged is there, whatever happens.

#![expect(clippy::disallowed_methods, reason = "a real process is waited for in real time")]

mod agents;
mod compaction;
mod damage;
mod disk;
mod doctor;
mod foundationdb;
mod groups;
mod hostile;
mod kill;
mod load;
mod metastores;
mod outage;
mod records;
mod refusals;
mod roles;
mod s3;
mod server;
mod small_disk;
mod stop;
