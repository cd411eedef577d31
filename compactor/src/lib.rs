//! Plans, rewrites and swaps history; retention; garbage collection.
