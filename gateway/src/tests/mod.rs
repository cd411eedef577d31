//! Whole agents over stores in memory, with faults, in virtual time.

pub mod history;
pub mod world;

mod across;
mod coordinators;
mod faults;
mod longpoll;
mod members;
mod offsets;
mod peers;
mod restart;
mod roundtrip;
