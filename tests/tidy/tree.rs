//! The source files of the repository, as the rules see them.

use std::{fs, path::Path};

/// One text file: its path relative to the root (with `/`), and its lines.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    /// Lines before the file's inline tests, numbered from 1.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.text.lines().position(|line| line.starts_with("#[cfg(test)]")).unwrap_or(usize::MAX);
        self.text.lines().enumerate().take(tests).map(|(number, line)| (number + 1, line))
    }

    /// Whether the whole file is there for tests, benches or examples.
    pub fn is_test(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        parts.iter().any(|part| matches!(*part, "tests" | "benches" | "examples"))
            || parts.last().is_some_and(|file| matches!(*file, "tests.rs" | "fixtures.rs"))
    }
}

/// All files of the repository whose name ends in `extension`, in order of path.
pub fn files(extension: &str) -> Vec<Source> {
    let mut found = Vec::new();
    walk(Path::new(env!("CARGO_MANIFEST_DIR")), "", extension, &mut found);
    assert!(!found.is_empty(), "no *{extension} found: the walk is broken");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(directory: &Path, prefix: &str, extension: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).expect("the tree is readable") {
        let entry = entry.expect("the tree is readable");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if entry.file_type().expect("the tree is readable").is_dir() {
            if !(name.starts_with("target")
                || name.starts_with('.')
                || name == "alluvium-data"
                || name == "__pycache__")
            {
                walk(&entry.path(), &path, extension, found);
            }
        } else if name.ends_with(extension) {
            found.push(Source { path, text: fs::read_to_string(entry.path()).expect("sources are UTF-8") });
        }
    }
}

/// Fails with every complaint, one per line, if there is any.
pub fn report(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
