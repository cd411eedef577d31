mod block_cache;
mod catch_up;
mod decoded_records;
mod memory_limiter;
mod offset_assignment;
mod peer_serving;
mod swap;
