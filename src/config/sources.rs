//! Where options come from, in order of precedence: flags, `ALLUVIUM_*` environment (both read by clap), TOML file.

use std::path::{Path, PathBuf};

use thiserror::Error;
use toml::Table;

use super::{Options, Settings, invalid_setting};

/// File in the working directory that is read if it exists and no other is named.
const DEFAULT_FILE: &str = "alluvium.toml";
/// Edit distance up to which an unknown name is taken for a misspelt one.
const SUGGESTION_EDITS_MAX: usize = 3;

/// Why the configuration cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("configuration file {}: {source}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not TOML, or has an unknown key or a wrong value; the message names line and key.
    #[error("configuration file {}: {source}", path.display())]
    Syntax {
        /// Path of the file.
        path: PathBuf,
        /// The parser's error, with line and column.
        source: Box<toml::de::Error>,
    },
    /// An `ALLUVIUM_*` variable that is no option.
    #[error("environment variable {name} is not an option of alluvium{}", suggestion(.similar.as_deref()))]
    UnknownVariable {
        /// Name of the variable.
        name: String,
        /// The option's variable with a similar name, if there is one.
        similar: Option<String>,
    },
    /// Options that cannot be layered, which is a bug.
    #[error("configuration: {0}")]
    Layers(#[from] Box<dyn std::error::Error + Send + Sync>),
    /// A value that an option cannot have.
    #[error(transparent)]
    Invalid(#[from] invalid_setting::InvalidSetting),
}

/// The settings that result from `flags` (which include the environment) and the file at `path`. Without `path`,
/// `alluvium.toml` in the working directory is read if it exists. `command` declares all options, and so the variables
/// that may be set.
///
/// # Errors
/// If the file is missing or malformed, a key or variable is unknown, or a value is out of range; the error names it.
pub fn load(flags: &Options, path: Option<&Path>, command: &clap::Command) -> Result<Settings, SettingsError> {
    reject_unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()), command)?;
    let file = match path {
        Some(path) => read(path)?,
        None if Path::new(DEFAULT_FILE).exists() => read(Path::new(DEFAULT_FILE))?,
        None => Options::default(),
    };
    Ok(Settings::try_from(layer(flags, &file)?)?)
}

fn read(path: &Path) -> Result<Options, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::File { path: path.into(), source })?;
    parse(&text, path)
}

pub(super) fn parse(text: &str, path: &Path) -> Result<Options, SettingsError> {
    toml::from_str(text).map_err(|source| SettingsError::Syntax { path: path.into(), source: Box::new(source) })
}

/// The options of `upper`, and those of `lower` that `upper` does not set.
pub(super) fn layer(upper: &Options, lower: &Options) -> Result<Options, SettingsError> {
    let table = |options| Table::try_from(options).map_err(|error| SettingsError::Layers(error.into()));
    let mut layered = table(lower)?;
    layered.extend(table(upper)?);
    layered.try_into().map_err(|error| SettingsError::Layers(Box::new(error)))
}

pub(super) fn reject_unknown_variables(
    names: impl Iterator<Item = String>,
    command: &clap::Command,
) -> Result<(), SettingsError> {
    let known = known_variables(command);
    match names.into_iter().find(|name| name.starts_with("ALLUVIUM_") && !known.contains(name) && !for_tests(name)) {
        Some(name) => Err(SettingsError::UnknownVariable { similar: similar_name(&name, known), name }),
        None => Ok(()),
    }
}

/// `ALLUVIUM_TEST_*` configures the test suite, never the binary.
fn for_tests(name: &str) -> bool {
    name.starts_with("ALLUVIUM_TEST_")
}

fn known_variables(command: &clap::Command) -> Vec<String> {
    fn of(command: &clap::Command, names: &mut Vec<String>) {
        names.extend(command.get_arguments().filter_map(|arg| arg.get_env()?.to_str().map(str::to_owned)));
        command.get_subcommands().for_each(|command| of(command, names));
    }
    let mut names = Vec::new();
    of(command, &mut names);
    names
}

fn similar_name(name: &str, known: Vec<String>) -> Option<String> {
    known.into_iter().find(|known| strsim::levenshtein(known, name) <= SUGGESTION_EDITS_MAX)
}

fn suggestion(similar: Option<&str>) -> String {
    similar.map(|similar| format!("; did you mean {similar}?")).unwrap_or_default()
}
