mod backlog;
mod large_partitions;
