mod blocks;
mod cold;
mod place;
mod records;
mod serve;
mod swapped;
