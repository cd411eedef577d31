mod blocks;
mod memory_limiter;
mod offset_assignment;
mod peer_serving;
mod records;
mod swap;
