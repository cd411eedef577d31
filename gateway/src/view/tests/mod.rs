mod following;
mod picture;
