//! Each predicate passes what is right and catches what is wrong, by its name.

mod bookkeeping;
mod groups;
mod objects;
mod reads;
mod story;
mod transactions;
mod writes;
