//! When a node is taken for gone.
