//! How many lines of each kind are logged in a period, and how many are left out. Pure.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

/// The period for which lines are counted: it begins with the first line of its kind.
const PERIOD: Duration = Duration::from_secs(1);
/// Kinds counted at a time; each takes some hundred bytes. Further ones are logged without a limit: there are far fewer
/// in this program.
const KINDS_MAX: usize = 10_000;

/// The lines of each kind in its current period.
#[derive(Debug)]
pub struct LineLimit<K> {
    kinds: HashMap<K, Lines>,
}

#[derive(Debug)]
struct Lines {
    since: Instant,
    /// Lines logged in this period.
    logged: u32,
    /// Lines left out since they were last taken.
    left_out: u64,
    /// What the lines say.
    text: String,
}

/// Lines of one kind that were left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Their number.
    pub lines: u64,
    /// What the first of them said.
    pub text: String,
}

impl<K: Eq + Hash> LineLimit<K> {
    /// No lines yet.
    pub fn new() -> Self {
        Self { kinds: HashMap::new() }
    }

    /// Whether to log a line of `kind`, of which up to `lines_max` are logged in a period; otherwise it is counted.
    /// `text` is called for the first line that is left out.
    pub fn admit(&mut self, kind: K, lines_max: u32, now: Instant, text: impl FnOnce() -> String) -> bool {
        if self.kinds.len() >= KINDS_MAX && !self.kinds.contains_key(&kind) {
            return true;
        }
        let fresh = || Lines { since: now, logged: 0, left_out: 0, text: String::new() };
        let lines = self.kinds.entry(kind).or_insert_with(fresh);
        if lines.is_over(now) {
            // What was left out before is kept until it is taken.
            lines.since = now;
            lines.logged = 0;
        }
        let admitted = lines.logged < lines_max;
        if admitted {
            lines.logged += 1;
        } else {
            if lines.left_out == 0 {
                lines.text = text();
            }
            lines.left_out += 1;
        }
        admitted
    }

    /// The lines left out since this was called before. Kinds whose period is over at `now` are forgotten.
    pub fn take(&mut self, now: Instant) -> Vec<LeftOut> {
        let left_out = self.kinds.values_mut().filter_map(Lines::take).collect();
        self.kinds.retain(|_, lines| !lines.is_over(now));
        left_out
    }
}

impl Lines {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= PERIOD
    }

    fn take(&mut self) -> Option<LeftOut> {
        let lines = std::mem::take(&mut self.left_out);
        (lines > 0).then(|| LeftOut { lines, text: std::mem::take(&mut self.text) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        "text".to_owned()
    }

    #[test]
    fn a_million_lines_of_two_kinds_in_ten_seconds_are_a_few_lines_and_exact_counts() {
        let (mut limit, start) = (LineLimit::new(), tokio::time::Instant::now().into_std());
        let (mut logged, mut left_out, mut reports) = (0u64, 0u64, 0u64);
        let mut report = |counts: Vec<LeftOut>| {
            reports += counts.len() as u64;
            left_out += counts.iter().map(|count| count.lines).sum::<u64>();
        };
        for number in 0..1_000_000u64 {
            let now = start + Duration::from_micros(number * 10);
            logged += u64::from(limit.admit(number % 2, 1, now, text));
            // The reports come late and irregularly.
            if number % 130_000 == 0 {
                report(limit.take(now));
            }
        }
        report(limit.take(start));
        assert_eq!(logged + left_out, 1_000_000, "no line is lost");
        assert!(logged <= 40 && reports <= 20, "{logged} lines and {reports} reports");
    }

    #[test]
    fn a_count_is_taken_once_also_while_lines_keep_coming() {
        let (mut limit, now) = (LineLimit::new(), tokio::time::Instant::now().into_std());
        let admitted: Vec<bool> = (0..5).map(|_| limit.admit("kind", 2, now, text)).collect();
        assert_eq!(admitted, [true, true, false, false, false]);
        assert_eq!(limit.take(now + PERIOD / 2), [LeftOut { lines: 3, text: text() }]);
        assert_eq!(limit.take(now + PERIOD / 2), []);
        assert!(!limit.admit("kind", 2, now + PERIOD / 2, text), "its period goes on");
        assert!(limit.admit("kind", 2, now + PERIOD, text));
        assert_eq!(limit.take(now + 2 * PERIOD), [LeftOut { lines: 1, text: text() }]);
        assert!(limit.kinds.is_empty(), "a kind whose period is over is forgotten");
    }

    #[test]
    fn kinds_do_not_limit_each_other() {
        let (mut limit, now) = (LineLimit::new(), tokio::time::Instant::now().into_std());
        assert!(limit.admit("one", 1, now, text));
        assert!(limit.admit("other", 1, now, text));
        assert!(!limit.admit("one", 1, now, text));
        assert_eq!(limit.take(now), [LeftOut { lines: 1, text: text() }]);
    }

    #[test]
    fn the_number_of_kinds_is_bounded() {
        let (mut limit, now) = (LineLimit::new(), tokio::time::Instant::now().into_std());
        for kind in 0..2 * KINDS_MAX {
            assert!(limit.admit(kind, 1, now, text));
        }
        assert_eq!(limit.kinds.len(), KINDS_MAX);
    }
}
