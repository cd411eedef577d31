//! House rules as tests: they read the tree and print `path:line: what; do this instead`.

mod allowed_dependencies;
mod documents;
mod layers;
mod modules;
mod shape;
mod tree;
