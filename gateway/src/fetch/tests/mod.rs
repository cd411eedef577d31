mod blocks;
mod place;
