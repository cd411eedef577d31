mod block_cache;
mod catch_up;
mod decoded_records;
mod offset_assignment;
mod old_records;
mod peer_serving;
mod swap;
