mod blocks;
mod cold;
mod place;
mod records;
