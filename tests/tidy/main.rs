//! House rules as tests: they read the tree and print `path:line: what; do this instead`.

mod documents;
mod homes;
mod layers;
mod modules;
mod shape;
mod tree;
