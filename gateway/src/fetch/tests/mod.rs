mod block_cache;
mod decoded_records;
mod memory_limiter;
mod offset_assignment;
mod peer_serving;
mod swap;
