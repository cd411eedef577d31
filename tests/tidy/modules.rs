//! Within a crate imports go downward as well: its modules have an order, and no files import each other in a circle.
//!
//! Imports are read as text: `use` declarations and paths that begin with `crate::`, `super::` or `self::`. A path is
//! resolved to the file that declares the name, through the re-exports of the `mod.rs` files on the way. What a
//! `mod.rs` re-exports is no import.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{Source, files, report};

/// Each crate's top modules, from the bottom to the top: a module imports only from those before it.
const ORDERS: &[(&str, &[&str])] = &[
    (
        "metastore/src",
        &[
            "kv",
            "keyspace",
            "cluster",
            "nodes",
            "leases",
            "extents",
            "outcomes",
            "feed",
            "objects",
            "producers",
            "transaction_rows",
            "log",
            "topics",
            "groups",
            "offsets",
            "transactions",
            "maintenance",
            "metastore",
            "fixtures",
        ],
    ),
    (
        "compactor/src",
        &[
            "job_memory",
            "config",
            "counters",
            "error",
            "plan",
            "in_flight",
            "failed_segments",
            "assigned_work",
            "held_leases",
            "tasks",
            "rewrite",
            "job_results",
            "retention",
            "work",
            "planned_work",
            "compaction",
            "cleanup",
            "orphan_sweep",
            "upkeep",
            "compactor",
        ],
    ),
    (
        "gateway/src",
        &[
            "config",
            "bounded_cache",
            "metrics",
            "memory",
            "listen",
            "live_agents",
            "bucket_watch",
            "pause_watch",
            "metadata_cache",
            "recent_segments",
            "peers",
            "produce",
            "fetch",
            "groups",
            "transactions",
            "agent",
            "topic_creation",
            "kafka",
            "http",
        ],
    ),
    (
        "src",
        &[
            "output",
            "machine",
            "signals",
            "logging",
            "config",
            "roles",
            "segment_witness",
            "stores",
            "node",
            "agent",
            "compactor",
            "metrics",
            "threads",
            "banner",
            "bench",
            "cli",
            "doctor",
            "serve",
            "compact_once",
            "main",
        ],
    ),
];

#[test]
fn modules_import_only_from_those_below() {
    let mut complaints = Vec::new();
    for (root, order) in ORDERS {
        let tree = Modules::read(root);
        let rank = |path: &str| order.iter().position(|module| *module == top(root, path));
        for path in tree.files.keys().filter(|path| top(root, path) != "lib" && top(root, path) != "main") {
            let Some(own) = rank(path) else {
                complaints.push(format!("{path}:1: a module without a place; add it to tests/tidy/modules.rs"));
                continue;
            };
            for (line, target) in tree.imports(path) {
                if rank(&target).is_some_and(|below| below > own) {
                    complaints
                        .push(format!("{path}:{line}: imports {target} from above; move the code down or hand it in"));
                }
            }
        }
    }
    report(complaints);
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut complaints = Vec::new();
    for root in roots() {
        let tree = Modules::read(&root);
        let graph: BTreeMap<&str, BTreeSet<String>> = tree
            .files
            .keys()
            .map(|path| (path.as_str(), tree.imports(path).into_iter().map(|(_, target)| target).collect()))
            .collect();
        for circle in circles(&graph) {
            complaints.push(format!(
                "{}:1: a circle with {}; move what they share below both",
                circle[0],
                circle[1..].join(", ")
            ));
        }
    }
    report(complaints);
}

/// The source folders of all crates but those for tests.
fn roots() -> Vec<String> {
    let manifests = files("Cargo.toml").into_iter().map(|file| file.path.replace("Cargo.toml", "src"));
    manifests.filter(|root| !root.starts_with("tests/")).collect()
}

/// The top module of the file at `path`.
fn top<'a>(root: &str, path: &'a str) -> &'a str {
    let inside = path.strip_prefix(root).unwrap_or(path).trim_start_matches('/');
    inside.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// One crate's files by path, without those for tests.
struct Modules {
    root: String,
    files: BTreeMap<String, Source>,
}

impl Modules {
    fn read(root: &str) -> Self {
        let own = |file: &Source| file.path.starts_with(&format!("{root}/")) && !file.is_test();
        let mut files: BTreeMap<String, Source> =
            files(".rs").into_iter().filter(own).map(|file| (file.path.clone(), file)).collect();
        let test_only: Vec<String> = files.values().flat_map(test_modules).collect();
        files.retain(|path, _| !test_only.iter().any(|module| path.starts_with(module.as_str())));
        Self { root: root.to_owned(), files }
    }

    /// Line and path of each file that the one at `path` imports from, but itself.
    fn imports(&self, path: &str) -> Vec<(usize, String)> {
        let module = self.module_of(path);
        let is_folder = path.ends_with("/mod.rs") || path.ends_with("/lib.rs") || path.ends_with("/main.rs");
        let mut found = Vec::new();
        for (line, import) in paths(&self.files[path]) {
            let mut at = module.clone();
            let mut names = import.split("::").peekable();
            match names.next() {
                Some("crate") => at.clear(),
                Some("super") => drop(at.pop()),
                Some("self") if is_folder => {}
                _ => continue,
            }
            while names.next_if_eq(&"super").is_some() {
                at.pop();
            }
            if let Some(target) = self.reached(at, names, 0).filter(|target| target != path) {
                found.push((line, target));
            }
        }
        found
    }

    /// The names of the modules that lead to the file at `path`.
    fn module_of(&self, path: &str) -> Vec<String> {
        let inside = path.strip_prefix(&self.root).unwrap_or(path).trim_matches('/').trim_end_matches(".rs");
        let names = inside.split('/').filter(|name| !matches!(*name, "mod" | "lib" | "main"));
        names.map(str::to_owned).collect()
    }

    fn file_of(&self, module: &[String]) -> Option<String> {
        let base = [std::slice::from_ref(&self.root), module].concat().join("/");
        let at_root = ["lib.rs", "main.rs"].map(|name| format!("{base}/{name}"));
        let candidates = [format!("{base}.rs"), format!("{base}/mod.rs")].into_iter();
        candidates.chain(at_root.into_iter().filter(|_| module.is_empty())).find(|path| self.files.contains_key(path))
    }

    /// The file in which `names`, below the module `at`, are declared, as far as is seen.
    fn reached<'a>(&self, mut at: Vec<String>, names: impl Iterator<Item = &'a str>, depth: usize) -> Option<String> {
        for name in names {
            let child = [at.clone(), vec![name.to_owned()]].concat();
            if self.file_of(&child).is_some() {
                at = child;
                continue;
            }
            let file = self.file_of(&at)?;
            let from = self.re_export(&file, name).filter(|_| depth < 4);
            return match from {
                Some(path) => self.reached(at, path.split("::").collect::<Vec<_>>().into_iter(), depth + 1),
                None => Some(file),
            };
        }
        self.file_of(&at)
    }

    /// The path, relative to its own module, from which the file re-exports `name`.
    fn re_export(&self, file: &str, name: &str) -> Option<String> {
        let source = self.files.get(file)?;
        uses(source).into_iter().filter(|import| import.is_public).find_map(|import| {
            let (path, last) = import.path.rsplit_once("::")?;
            let is_relative = !matches!(path.split("::").next(), Some("crate" | "super"));
            (last == name && is_relative).then(|| import.path.trim_start_matches("self::").to_owned())
        })
    }
}

/// The modules that `source` declares for tests only: the beginning of their files' paths.
fn test_modules(source: &Source) -> Vec<String> {
    let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let lines: Vec<&str> = source.text.lines().collect();
    let pairs = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    let names = pairs.filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';'));
    names.flat_map(|name| [format!("{folder}/{name}.rs"), format!("{folder}/{name}/")]).collect()
}

struct Use {
    line: usize,
    path: String,
    is_public: bool,
}

/// Every path that the code of `source` imports or names in full.
fn paths(source: &Source) -> Vec<(usize, String)> {
    let mut found: Vec<_> =
        uses(source).into_iter().filter(|import| !import.is_public).map(|import| (import.line, import.path)).collect();
    for (number, line) in source.code().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices("crate::").chain(line.match_indices("super::")) {
            let is_whole = !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$');
            let path = line[at..].split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).next();
            let path = path.unwrap_or_default().trim_end_matches(':');
            if is_whole && !line.trim_start().starts_with("use ") && !path.is_empty() {
                found.push((number, path.to_owned()));
            }
        }
    }
    found
}

/// The `use` declarations of `source`, one for each name.
fn uses(source: &Source) -> Vec<Use> {
    let mut found = Vec::new();
    let mut open: Option<(usize, bool, String)> = None;
    for (number, line) in source.code() {
        let line = line.split("//").next().unwrap_or_default();
        if open.is_none() {
            let trimmed = line.trim_start();
            let is_public = trimmed.starts_with("pub");
            let after = trimmed.split_once("use ").filter(|(before, _)| {
                before.is_empty() || (before.starts_with("pub") && !before.contains(['=', '{', '"']))
            });
            let Some((_, rest)) = after else { continue };
            open = Some((number, is_public, rest.to_owned()));
        } else if let Some((_, _, text)) = &mut open {
            text.push_str(line.trim());
        }
        if let Some((line, is_public, text)) = open.take_if(|(_, _, text)| text.contains(';')) {
            let text = text.split(';').next().unwrap_or_default().replace(' ', "");
            found.extend(spread("", &text).into_iter().map(|path| Use { line, path, is_public }));
        }
    }
    found
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn spread(prefix: &str, text: &str) -> Vec<String> {
    let Some((head, rest)) = text.split_once('{') else {
        let name = text.split("as").next().filter(|_| text.contains("as_")).unwrap_or(text);
        let path = format!("{prefix}{}", if text.contains("as_") { name } else { text });
        return vec![path.trim_end_matches("::self").to_owned()];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let prefix = format!("{prefix}{head}");
    parts.into_iter().filter(|part| !part.is_empty()).flat_map(|part| spread(&prefix, part)).collect()
}

/// Groups of more than one node in which each reaches each other.
fn circles(graph: &BTreeMap<&str, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = graph.keys().map(|node| (*node, reach(graph, node))).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for node in graph.keys().filter(|node| reached[*node].contains(*node)) {
        let circle: Vec<String> = graph
            .keys()
            .filter(|other| reached[node].contains(*other) && reached[*other].contains(node))
            .map(|n| (*n).to_owned())
            .collect();
        if circle.len() > 1 && seen.insert(circle.clone()) {
            found.push(circle);
        }
    }
    found
}

fn reach<'a>(graph: &'a BTreeMap<&str, BTreeSet<String>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(node) = next.pop() {
        for target in graph.get(node).into_iter().flatten() {
            if reached.insert(target.as_str()) {
                next.push(target);
            }
        }
    }
    reached
}
