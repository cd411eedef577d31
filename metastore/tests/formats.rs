//! `docs/formats.md` shows what the code does: every tag, every drawing, every version byte.
//!
//! With `UPDATE_DOCS` set, the drawings of the page are replaced by those of the sources instead.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const PAGE: &str = "docs/formats.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The tags declared in the code: name and number.
fn declared_tags() -> BTreeSet<(String, String)> {
    let tags = read("metastore/src/keyspace/tag.rs");
    let declared = tags.lines().filter_map(|line| {
        let (name, number) = line.trim().strip_prefix("pub const ")?.split_once(": Self = Self(")?;
        Some((name.to_owned(), number.trim_end_matches(");").to_owned()))
    });
    declared.collect()
}

/// The rows of the table of tags: tag, number, what, file of the key, file of the value, version.
fn table_rows(page: &str) -> Vec<[String; 6]> {
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
        <[String; 6]>::try_from(cells).ok().filter(|[_, number, ..]| number.starts_with("0x"))
    });
    rows.collect()
}

/// The drawings in the module comment of `path`, each with its fences.
fn drawings(path: &str) -> String {
    let source = read(path);
    let comment = source.lines().map_while(|line| line.strip_prefix("//!"));
    let (mut drawings, mut is_inside) = (Vec::new(), false);
    for line in comment.map(|line| line.strip_prefix(' ').unwrap_or(line)) {
        let is_fence = line.starts_with("```");
        if is_fence && !is_inside && !drawings.is_empty() {
            drawings.push("");
        }
        if is_fence || is_inside {
            drawings.push(line);
        }
        is_inside ^= is_fence;
    }
    drawings.join("\n")
}

/// The path that a line of the page gives as the source of the drawings after it.
fn source_of(line: &str) -> Option<&str> {
    line.strip_prefix('`')?.strip_suffix('`').filter(|path| path.ends_with(".rs") && !path.contains('`'))
}

/// The page with the drawings that the sources have now.
fn redrawn(page: &str) -> String {
    let mut lines = page.lines().peekable();
    let mut redrawn = String::new();
    while let Some(line) = lines.next() {
        redrawn += line;
        redrawn += "\n";
        let Some(path) = source_of(line) else { continue };
        let mut is_inside = false;
        while let Some(next) = lines.peek() {
            let is_fence = next.starts_with("```");
            if !(is_inside || is_fence || next.is_empty()) {
                break;
            }
            is_inside ^= is_fence;
            lines.next();
        }
        redrawn += &format!("\n{}\n", drawings(path));
        if lines.peek().is_some() {
            redrawn += "\n";
        }
    }
    redrawn
}

#[test]
fn every_tag_is_in_the_table_with_its_number_and_no_other() {
    let shown: BTreeSet<_> = table_rows(&read(PAGE)).into_iter().map(|[tag, number, ..]| (tag, number)).collect();
    assert_eq!(shown, declared_tags());
    let numbers: BTreeSet<_> = shown.iter().map(|(_, number)| number).collect();
    assert_eq!(numbers.len(), shown.len(), "a number is given twice");
}

#[test]
fn the_files_of_the_table_build_the_key_and_write_the_version_that_it_says() {
    for [tag, _, what, key, value, version] in table_rows(&read(PAGE)) {
        assert!(read(&key).contains(&format!("Tag::{tag}")), "{tag}, {what}: {key} does not build its keys");
        let writes_version = read(&value).contains(&format!("VERSION: u8 = {version};"));
        assert!(writes_version || version == "none", "{tag}, {what}: {value} does not write version {version}");
    }
}

#[test]
fn the_drawings_are_those_of_the_sources() {
    let page = read(PAGE);
    let redrawn = redrawn(&page);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(root().join(PAGE), redrawn).expect("the page can be written");
        return;
    }
    let differing = page.lines().zip(redrawn.lines()).enumerate().find(|(_, (shown, drawn))| shown != drawn);
    assert_eq!(differing, None, "{PAGE} differs from a source: run UPDATE_DOCS=1 cargo test --test formats");
    assert_eq!(page, redrawn);
}

#[test]
fn every_file_of_keys_and_rows_is_on_the_page() {
    let page = read(PAGE);
    let concepts =
        fs::read_dir(root().join("metastore/src")).expect("it is there").map(|entry| entry.expect("it is read"));
    let concepts = concepts.filter(|entry| entry.path().is_dir() && entry.file_name() != "keyspace");
    for concept in concepts.map(|entry| entry.file_name().into_string().expect("it is text")) {
        let files = fs::read_dir(root().join("metastore/src").join(&concept)).expect("it is there");
        for file in files.map(|file| file.expect("it is read").file_name().into_string().expect("it is text")) {
            let path = format!("metastore/src/{concept}/{file}");
            let has_layout = file == "key.rs" || file == "row.rs" || file.ends_with("_row.rs");
            assert!(!has_layout || page.lines().any(|line| source_of(line) == Some(&*path)), "{PAGE} lacks {path}");
        }
    }
}
