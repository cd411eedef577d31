//! Formats findings: as text for people, and as JSON for scripts.

use alluvium_model::Timestamp;
use serde::Serialize;

use super::finding::{Finding, Outcome};

/// Version of the JSON document: it increases when a field is removed or changes its meaning.
const SCHEMA: u32 = 1;
/// Column at which the name of a check begins.
const INDENT: usize = 11;

/// The document that `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    version: &'a str,
    checked_ms: i64,
    outcome: Outcome,
    findings: &'a [Finding],
}

/// The findings as one JSON document, on one line.
pub fn json(findings: &[Finding], now: Timestamp) -> String {
    let document = Document {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        checked_ms: now.0,
        outcome: worst(findings),
        findings,
    };
    serde_json::to_string(&document).expect("names are text and figures are numbers")
}

/// The worst outcome; `NotKnown` does not count.
pub fn worst(findings: &[Finding]) -> Outcome {
    let outcomes = findings.iter().map(|finding| finding.outcome);
    outcomes.filter(|outcome| *outcome != Outcome::NotKnown).max().unwrap_or(Outcome::Ok)
}

/// One finding as a line of text, followed by lines with its meaning and advice if it has them.
pub fn text(finding: &Finding) -> String {
    let mark = match finding.outcome {
        Outcome::Ok => "ok",
        Outcome::NotKnown => "not known",
        Outcome::Warning => "WARNING",
        Outcome::Failure => "FAILED",
    };
    let mut text = format!("{mark:INDENT$}{}: {}", finding.check, finding.found);
    for (name, line) in [("means", &finding.means), ("do", &finding.advice)] {
        if let Some(line) = line {
            text.push_str(&format!("\n{:INDENT$}  {name:6}{line}", ""));
        }
    }
    text
}

/// The number of findings of each outcome, in one line.
pub fn summary(findings: &[Finding]) -> String {
    let count = |outcome| findings.iter().filter(|finding| finding.outcome == outcome).count();
    format!(
        "{} checks: {} ok, {} not known, {} warnings, {} failed",
        findings.len(),
        count(Outcome::Ok),
        count(Outcome::NotKnown),
        count(Outcome::Warning),
        count(Outcome::Failure)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_is_that_of_the_worst_finding_and_not_known_does_not_count() {
        let ok = Finding::ok("a.b", "fine");
        let unknown = Finding::not_known("a.c", "no answer", "ask");
        let warning = Finding::warning("a.d", "slow", "waits", "hurry");
        let failure = Finding::failure("a.e", "gone", "nothing works", "bring it back");
        assert_eq!(worst(&[ok.clone(), unknown.clone()]), Outcome::Ok);
        assert_eq!(worst(&[ok.clone(), warning.clone(), unknown]), Outcome::Warning);
        assert_eq!(worst(&[failure.clone(), ok, warning]), Outcome::Failure);
        assert_eq!(
            text(&failure),
            "FAILED     a.e: gone\n             means nothing works\n             do    bring it back"
        );
    }

    #[test]
    fn the_names_in_the_json_document_are_stable() {
        let findings = [Finding::warning("bucket.put", "slow", "waits", "hurry").with("p50_ms", 1.5)];
        let document = json(&findings, Timestamp(7)).replace(env!("CARGO_PKG_VERSION"), "V");
        assert_eq!(
            document,
            concat!(
                r#"{"schema":1,"version":"V","checked_ms":7,"outcome":"warning","findings":["#,
                r#"{"check":"bucket.put","outcome":"warning","found":"slow","means":"waits","advice":"hurry","#,
                r#""measured":{"p50_ms":1.5}}]}"#
            )
        );
    }
}
