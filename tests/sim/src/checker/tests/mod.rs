//! Each predicate accepts correct histories, and reports violations under its name.

mod bookkeeping;
mod groups;
mod history_builder;
mod model;
mod mutations;
mod objects;
mod reads;
mod speed;
mod transactions;
mod writes;
