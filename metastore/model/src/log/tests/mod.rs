//! The log's rules, one behaviour per test.

mod commit;
mod fixtures;
mod new_producer;
mod retention;
mod swap;
mod trim;
