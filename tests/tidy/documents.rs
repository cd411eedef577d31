//! Documents are true: the README names every option, every file that a document names exists, and the stranger test
//! has its questions.

use std::path::Path;

use crate::tree::{files, report};

/// Questions of the stranger test.
const QUESTIONS: usize = 40;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("there is a README")
}

#[test]
fn the_readme_names_every_option() {
    let options = files("options.rs");
    let options = options.iter().find(|file| file.path == "src/config/options.rs").expect("options are declared there");
    let names = options.text.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(": Option<"));
    let readme = readme();
    let missing = names
        .map(|(name, _)| format!("`--{}`", name.replace('_', "-")))
        .filter(|flag| !readme.contains(&format!("| {flag} |")));
    report(missing.map(|flag| format!("README.md:1: {flag} is not in the configuration table; add it")).collect());
}

#[test]
fn files_that_documents_name_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut complaints = Vec::new();
    for document in files(".md") {
        for (number, line) in document.text.lines().enumerate() {
            for name in line.split('`').skip(1).step_by(2).filter(|name| is_path(name)) {
                let beside = root.join(&document.path).with_file_name(name);
                let below = root.join("gateway/src").join(name);
                if !root.join(name).exists() && !beside.exists() && !below.exists() && !beside_src(&beside, name) {
                    complaints.push(format!(
                        "{}:{}: `{name}` does not exist; name what does",
                        document.path,
                        number + 1
                    ));
                }
            }
        }
    }
    report(complaints);
}

#[test]
fn the_stranger_test_has_forty_questions_whose_answers_are_files() {
    const PAGE: &str = "docs/stranger-test.md";
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join(PAGE)).expect("there is a stranger test");
    let mut complaints = Vec::new();
    let mut questions = 0;
    for (line, text) in page.lines().enumerate() {
        let cells: Vec<&str> = text.split(" | ").collect();
        let [number, question, answer] = cells[..] else { continue };
        let Ok(number) = number.trim_start_matches("| ").parse::<usize>() else { continue };
        questions += 1;
        let complain = |what: &str| format!("{PAGE}:{}: {what}", line + 1);
        if number != questions || question.is_empty() {
            complaints.push(complain("a question without its number or its text; number them from 1"));
        }
        let path = answer.strip_prefix('`').and_then(|answer| answer.strip_suffix("` |")).unwrap_or_default();
        if !root.join(path).is_file() {
            complaints.push(complain(&format!("{answer} is no file; name the one that answers, in backticks")));
        }
    }
    if questions != QUESTIONS {
        complaints.push(format!("{PAGE}:1: {questions} questions; there are {QUESTIONS}"));
    }
    report(complaints);
}

/// `name` within the `src` beside the document.
fn beside_src(beside: &Path, name: &str) -> bool {
    beside.ancestors().any(|folder| folder.join("src").join(name).exists())
}

/// Text that can only be a source file of ours.
fn is_path(text: &str) -> bool {
    text.ends_with(".rs") && !text.contains([' ', '<', '*', '{'])
}
