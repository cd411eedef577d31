//! Configuration: what a user may set, where it comes from, and what it means.
//!
//! ```text
//! flags  >  ALLUVIUM_* environment  >  TOML file  >  defaults
//! options.rs: as written (every field optional)  ->  settings.rs: validated, complete, data only
//! ```

mod options;
mod settings;
mod sources;
mod units;

pub use options::Options;
pub use settings::{MetastoreLocation, Settings};
pub use sources::{ConfigError, load};
pub use units::{Size, Span};

#[cfg(test)]
mod tests;
