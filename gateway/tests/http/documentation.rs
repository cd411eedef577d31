//! Runs the examples of `docs/http.md` and compares the responses with those on the page.

use crate::client::request;
use crate::server::Server;

const PAGE: &str = include_str!("../../../docs/http.md");
const HOST: &str = "localhost:8080";

/// One `curl` and the line that it prints.
struct Example {
    line: &'static str,
    expected: &'static str,
}

fn examples() -> Vec<Example> {
    let mut lines = PAGE.lines();
    let mut examples = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with("$ ") {
            examples.push(Example { line, expected: lines.next().unwrap() });
        }
    }
    examples
}

/// The words of a command line; quotes are single and hold no others.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part);
        } else {
            words.extend(part.split_whitespace());
        }
    }
    words
}

#[tokio::test]
async fn every_example_is_answered_as_documented() {
    let server = Server::start().await;
    let examples = examples();
    assert!(examples.len() > 10);
    for Example { line, expected } in examples {
        let mut words = words(line).into_iter();
        assert_eq!((words.next(), words.next(), words.next()), (Some("$"), Some("curl"), Some("-s")), "{line}");
        let path = words.next().unwrap().strip_prefix(HOST).unwrap();
        let (mut headers, mut body) = (Vec::new(), None);
        while let Some(option) = words.next() {
            match (option, words.next()) {
                ("-H", Some(header)) => headers.push(header.split_once(": ").unwrap()),
                ("-d", Some(given)) => body = Some(given),
                other => panic!("{other:?} in {line}"),
            }
        }
        if body.is_some() && headers.is_empty() {
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        let method = if body.is_some() { "POST" } else { "GET" };
        let answer = request(server.address, method, path, &headers, body.unwrap_or_default()).await;
        assert_eq!(answer.body.trim_end(), expected, "{line}");
    }
}
