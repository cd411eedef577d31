//! Each predicate passes what is right and catches what is wrong, by its name.

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
