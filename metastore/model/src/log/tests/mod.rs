//! The log's rules, one behaviour per test.

mod commit;
mod fixtures;
mod retention;
mod new_producer;
mod swap;
mod trim;
