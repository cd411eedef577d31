//! The real binary over real TCP, with clients that are not ours: what is acknowledged is there, whatever happens.

mod compaction;
mod damage;
mod disk;
mod groups;
mod hostile;
mod kill;
mod load;
mod outage;
mod records;
mod refusals;
mod s3;
mod server;
mod small_disk;
mod stop;
