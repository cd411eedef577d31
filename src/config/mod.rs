//! Configuration: the options, their sources and their validated form.
//!
//! ```text
//! flags  >  ALLUVIUM_* environment  >  TOML file  >  defaults
//! options.rs: as written (every field optional)  ->  settings.rs: validated, complete, data only
//! ```
//!
//! A new option is declared in `options.rs` with its default (which an option of the agent or the compactor takes from
//! their own configuration) and validated in `settings.rs` or `sections.rs`. `UPDATE_DOCS=1 cargo test config` writes
//! it into README.md and docs/configuration.md.

mod addresses;
mod invalid_setting;
mod locations;
mod options;
mod sections;
mod settings;
mod sources;
mod store_location;
mod units;

pub use locations::MetastoreLocation;
pub use options::Options;
pub use settings::Settings;
pub use sources::{SettingsError, load};
pub use store_location::StoreLocation;
pub use units::{Size, Span};

#[cfg(test)]
mod documents;
#[cfg(test)]
mod tests;
