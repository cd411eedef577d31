//! An answer as facts by which two servers are compared: a path and a value for each field, from its `Debug` form.
//!
//! Owns: what is left out, masked or sorted because it differs between servers or runs by nature.

use std::collections::HashMap;

/// Fields of every API that say nothing about behaviour: addresses, disks, and how busy the server is.
const LEFT_OUT: &[&str] =
    &["throttle_time_ms", "host", "port", "client_host", "cluster_id", "log_dir", "total_bytes", "usable_bytes"];
/// Fields with text for people: compared by whether they are there.
const WORDS: &[&str] = &["error_message", "batch_index_error_message", "documentation"];
/// Numbers that a server chooses: compared by whether they are set (not negative).
const CHOSEN: &[&str] = &["producer_id", "log_append_time_ms", "finalized_features_epoch", "partition_size"];
/// Lists whose order in Kafka is that of its hash maps.
const UNORDERED: &[&str] = &["api_keys", "supported_features", "finalized_features", "configs", "members"];
/// Fields that identify elements of such lists.
const KEYED: &[&str] =
    &["DescribeConfigsResourceResult", "CreatableTopicConfigs", "SupportedFeatureKey", "FinalizedFeatureKey"];
const UUID: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// One field: its path and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub path: String,
    pub value: String,
}

/// Random ids, numbered in the order in which they are seen: the same id has the same number.
#[derive(Default)]
pub struct Ids(HashMap<String, usize>);

/// A line of the pretty `Debug` form, and the lines inside it.
struct Node {
    head: String,
    inside: Vec<Node>,
}

/// The facts of an answer, given in its pretty `Debug` form.
pub fn facts(debug: &str, ids: &mut Ids) -> Vec<Fact> {
    let mut lines = debug.lines().map(str::trim);
    let mut nodes = nodes(&mut lines);
    nodes.iter_mut().for_each(|node| node.arrange(ids));
    let mut facts = Vec::new();
    for node in &nodes {
        node.collect(String::new(), &mut facts);
    }
    for fact in &mut facts {
        fact.value = ids.mask(&fact.value);
    }
    facts
}

/// The nodes up to the line that closes the surrounding one.
fn nodes<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<Node> {
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let line = line.trim_end_matches(',');
        if matches!(line, "}" | "]" | ")") {
            break;
        }
        let opens = line.ends_with(['{', '[', '(']);
        let head = line.trim_end_matches(['{', '[', '(']).trim_end();
        let inside = if opens { nodes(lines) } else { Vec::new() };
        found.push(Node { head: if opens { head } else { line }.to_owned(), inside });
    }
    found
}

impl Node {
    /// The field's name, if this is a field and not an element.
    fn name(&self) -> Option<&str> {
        let (name, _) = self.head.split_once(':')?;
        name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_').then_some(name)
    }

    /// What identifies an element in a list without order.
    fn key(&self) -> Option<&str> {
        let name = || self.inside.iter().find_map(|node| node.head.strip_prefix("name: "));
        KEYED.contains(&self.head.as_str()).then(name)?
    }

    fn arrange(&mut self, ids: &Ids) {
        self.inside.iter_mut().for_each(|node| node.arrange(ids));
        if self.name().is_some_and(|name| UNORDERED.contains(&name)) {
            self.sort(ids);
        }
    }

    fn sort(&mut self, ids: &Ids) {
        // `Some(` stands between a field and its list.
        match self.inside.as_mut_slice() {
            [only] if only.head.is_empty() => only.sort(ids),
            _ => self.inside.sort_by_cached_key(|node| node.with_known_ids(ids)),
        }
    }

    fn with_known_ids(&self, ids: &Ids) -> String {
        let mut text = String::new();
        self.write(&mut text);
        replace_ids(&text, |id| ids.0.get(id).map_or_else(|| "id".to_owned(), |number| format!("id{number}")))
    }

    fn write(&self, text: &mut String) {
        text.push_str(&self.head);
        text.push('\n');
        self.inside.iter().for_each(|node| node.write(text));
    }

    fn collect(&self, path: String, facts: &mut Vec<Fact>) {
        let (path, value) = match self.name() {
            Some(name) if LEFT_OUT.contains(&name) => return,
            Some(name) => {
                let value = self.head[name.len() + 1..].trim();
                (if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }, value)
            }
            None => (path, self.head.as_str()),
        };
        let field = self.name().unwrap_or_default();
        if WORDS.contains(&field) {
            facts.push(Fact { path, value: self.words(value).into() });
        } else if self.inside.is_empty() {
            let chosen = CHOSEN.contains(&field) && !value.starts_with('-');
            facts.push(Fact { path, value: if chosen { "chosen" } else { value }.into() });
        } else {
            self.tell_inside(&path, facts);
        }
    }

    /// Whether the text is there, empty or null.
    fn words(&self, value: &str) -> &'static str {
        const EMPTY: &str = "\"\"";
        match self.inside.as_slice() {
            _ if value == "None" => "None",
            [only] if only.head == EMPTY => "Some(no words)",
            _ => "Some(words)",
        }
    }

    fn tell_inside(&self, path: &str, facts: &mut Vec<Fact>) {
        let in_parentheses =
            matches!(self.inside.as_slice(), [only] if self.head.ends_with("Some") || only.head.is_empty());
        for (index, node) in self.inside.iter().enumerate() {
            let is_element = node.name().is_none() && !in_parentheses;
            let key = node.key().map_or_else(|| index.to_string(), str::to_owned);
            node.collect(if is_element { format!("{path}[{key}]") } else { path.to_owned() }, facts);
        }
    }
}

impl Ids {
    pub fn mask(&mut self, text: &str) -> String {
        replace_ids(text, |id| {
            if id == NIL {
                return "nil".to_owned();
            }
            let next = self.0.len() + 1;
            let number = self.0.entry(id.to_owned()).or_insert(next);
            format!("id{number}")
        })
    }
}

fn replace_ids(text: &str, mut replacement: impl FnMut(&str) -> String) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find_id(rest) {
        let (before, after) = rest.split_at(at);
        let (id, after) = after.split_at(UUID.len());
        replaced.push_str(before);
        replaced.push_str(&replacement(id));
        rest = after;
    }
    replaced + rest
}

/// Where the first UUID in `text` begins.
fn find_id(text: &str) -> Option<usize> {
    let is_id = |window: &[u8]| {
        window.iter().zip(UUID.bytes()).all(|(byte, form)| match form {
            b'x' => byte.is_ascii_hexdigit(),
            dash => *byte == dash,
        })
    };
    text.as_bytes().windows(UUID.len()).position(is_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    #[expect(dead_code, reason = "read through Debug")]
    struct Answer {
        throttle_time_ms: i32,
        error_message: Option<String>,
        members: Vec<String>,
        nested: Option<Vec<Inner>>,
    }

    #[derive(Debug)]
    #[expect(dead_code, reason = "read through Debug")]
    struct Inner {
        id: &'static str,
        producer_id: i64,
    }

    #[test]
    fn an_answer_becomes_one_fact_per_field() {
        let inner = |producer_id| Inner { id: "67e55044-10b1-426f-9247-bb680e5fe0c8", producer_id };
        let answer = Answer {
            throttle_time_ms: 5,
            error_message: Some("no: such {".into()),
            members: vec!["b".into(), "a: [".into()],
            nested: Some(vec![inner(7), inner(-1)]),
        };
        let found: Vec<String> = facts(&format!("{answer:#?}"), &mut Ids::default())
            .into_iter()
            .map(|Fact { path, value }| format!("{path} = {value}"))
            .collect();
        let expected = [
            "error_message = Some(words)",
            r#"members[0] = "a: [""#,
            r#"members[1] = "b""#,
            r#"nested[0].id = "id1""#,
            "nested[0].producer_id = chosen",
            r#"nested[1].id = "id1""#,
            "nested[1].producer_id = -1",
        ];
        assert_eq!(found, expected);
    }
}
