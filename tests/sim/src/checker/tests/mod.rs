//! Each predicate passes what is right and catches what is wrong, by its name.

mod bookkeeping;
mod groups;
mod model;
mod mutations;
mod objects;
mod reads;
mod speed;
mod story;
mod transactions;
mod writes;
