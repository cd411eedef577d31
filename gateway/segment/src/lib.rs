//! The level-0 segment object format.
