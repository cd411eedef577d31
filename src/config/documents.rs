//! README.md and docs/configuration.md show every option with its default, as `options.rs` declares them.
//!
//! `UPDATE_DOCS=1 cargo test config` rewrites them.

use std::{fmt::Write, fs, path::Path};

use clap::{Arg, CommandFactory};

use super::{
    options::{DefaultValue, Options},
    settings::Settings,
    sources::parse,
};
use crate::cli::Cli;

/// The options, in the order of their declaration.
fn options() -> Vec<Arg> {
    let command = Cli::command();
    let find = |name: &&str| command.get_arguments().find(|arg| arg.get_id() == *name).cloned();
    Options::NAMES.iter().map(|name| find(name).unwrap_or_else(|| panic!("{name} is no flag"))).collect()
}

/// Its description, without the default that `--help` shows behind it.
fn meaning(option: &Arg) -> String {
    let help = option.get_help().expect("every option is documented").to_string();
    help.split(" [default: ").next().unwrap_or_default().replace('\n', " ")
}

fn key(option: &Arg) -> &str {
    option.get_long().expect("every option is a flag")
}

fn default_of(option: &Arg) -> DefaultValue {
    Options::default_of(option.get_id().as_str())
}

fn readme_table() -> String {
    let mut table = String::from("| option | meaning | default |\n|---|---|---|\n");
    for option in options() {
        let aliases: Vec<&str> = option.get_visible_aliases().unwrap_or_default();
        let aliases: String = aliases.iter().map(|alias| format!(" (also `--{alias}`)")).collect();
        let default = match default_of(&option) {
            DefaultValue::None => String::new(),
            DefaultValue::Value(toml::Value::String(text)) => format!("`{text}`"),
            DefaultValue::Value(value) => format!("`{value}`"),
            DefaultValue::Text(text) => text.replace('<', "\\<"),
        };
        let meaning = meaning(&option).replace('<', "\\<");
        writeln!(table, "| `--{}` | {meaning}{aliases} | {default} |", key(&option)).expect("a string takes it");
    }
    table
}

/// A TOML file in which every option is a comment.
fn toml_reference() -> String {
    let mut text = String::new();
    let mut heading = None;
    for option in options() {
        let own = option.get_help_heading().unwrap_or("General");
        if heading.replace(own.to_owned()).as_deref() != Some(own) {
            writeln!(text, "{}## {own}", if text.is_empty() { "" } else { "\n" }).expect("a string takes it");
        }
        let kind = option.get_value_names().and_then(<[_]>::first).expect("every option has a value name");
        let (value, note) = match default_of(&option) {
            DefaultValue::Value(value) => (value.to_string(), String::new()),
            DefaultValue::Text(note) => (format!("<{kind}>"), format!("; default: {note}")),
            DefaultValue::None => (format!("<{kind}>"), String::new()),
        };
        writeln!(text, "# {}{note}\n#{} = {value}", meaning(&option), key(&option)).expect("a string takes it");
    }
    text
}

/// Compares what is between `begin` and `end` in a document with `expected`, or rewrites it.
fn check(document: &str, begin: &str, end: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(&path).expect("the document exists");
    let (before, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{document} has no {begin:?}"));
    let (found, after) = rest.split_once(end).unwrap_or_else(|| panic!("{document} has no {end:?} after {begin:?}"));
    if found == expected {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "{document} is out of date; run UPDATE_DOCS=1 cargo test config"
    );
    fs::write(&path, format!("{before}{begin}{expected}{end}{after}")).expect("the document is writable");
}

#[test]
fn the_readme_shows_every_option_with_its_default() {
    let table = readme_table();
    let (heading, rows) = table.split_once('\n').expect("it has rows");
    check("README.md", &format!("{heading}\n"), "\n\n", rows.trim_end());
}

#[test]
fn the_toml_reference_shows_every_option_with_its_default() {
    check("docs/configuration.md", "```toml\n", "```", &toml_reference());
}

#[test]
fn the_defaults_of_the_toml_reference_are_what_holds_without_it() {
    let reference = toml_reference();
    let lines =
        reference.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| !line.starts_with([' ', '#']));
    let written: String = lines.filter(|line| !line.ends_with('>')).map(|line| format!("{line}\n")).collect();
    let settings = |options: Options| format!("{:?}", Settings::try_from(options).expect("defaults are valid"));
    let options = parse(&written, Path::new("alluvium.toml")).expect("the reference parses");
    assert!(options.orphan_age.is_some() && options.rack.is_none());
    assert_eq!(settings(options), settings(Options::default()));
}
