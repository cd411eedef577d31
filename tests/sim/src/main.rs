//! The binary `alluvium-sim`: runs seed after seed and tells what they found.

fn main() {}
