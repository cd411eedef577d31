mod blocks;
mod memory_limiter;
mod offset_assignment;
mod records;
mod serve;
mod swapped;
