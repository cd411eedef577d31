//! What goes in comes out, whatever it is; what is damaged is refused.

mod corruption;
mod fixtures;
mod formats;
mod golden;
mod round_trip;
mod seek;
