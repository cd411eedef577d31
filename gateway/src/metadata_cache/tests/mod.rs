mod following;
mod partitions;
