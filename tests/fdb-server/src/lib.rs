//! Starts FoundationDB servers for tests, from the installation that `FDB_HOME` names (bin/fdbserver, bin/fdbcli,
//! lib/libfdb_c.so).
//!
//! Owns: the server's process, its directory, its port on the loopback interface, waiting until it is available.
//! Invariant: the server ends with the process that started it, however that ends: a shell between them waits for the
//! end of its input, which the system closes, and then kills the server by its process id.

#![expect(clippy::disallowed_methods, reason = "a real process is waited for in real time")]

mod process;
mod server;

pub use server::{FdbServer, Storage, unique_prefix};
