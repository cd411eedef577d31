mod cached_partitions;
mod feed_tail;
