//! What a long run of seeds says of itself: while it goes on, and at its end.

use std::fmt;
use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use alluvium_sim::run::RunReport;
use tokio::time::Instant;

use crate::process_usage::ProcessUsage;

/// How often the line on a terminal is written anew.
pub const TERMINAL_INTERVAL: Duration = Duration::from_secs(1);
/// How often a line is written where nobody watches: a log of a night has some hundred lines.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Sums over the seeds that have been run so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// How many seeds there are to run.
    pub planned: u64,
    /// Seeds that have been run.
    pub seeds: u64,
    /// Virtual time of all runs.
    pub virtual_time: Duration,
    /// Events of all histories.
    pub events: u64,
    /// Violations, and runs that panicked.
    pub violations: u64,
}

impl Totals {
    /// Adds one run; `None` if the run itself panicked.
    pub fn add(&mut self, report: Option<&RunReport>) {
        self.seeds += 1;
        let Some(report) = report else {
            self.violations += 1;
            return;
        };
        self.virtual_time += report.elapsed;
        self.events += report.history.events.len() as u64;
        self.violations += report.violations.len() as u64;
    }
}

/// The totals at one time of the process: what a line of progress says.
struct Line<'a> {
    totals: &'a Totals,
    elapsed: Duration,
    usage: Option<ProcessUsage>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals { planned, seeds, virtual_time, events, violations } = self.totals;
        let hours = virtual_time.as_secs_f64() / 3_600.0;
        write!(f, "{seeds} of {planned} seeds, {hours:.2} simulated hours, {events} events, {violations} violations")?;
        write!(f, "; {:.0} s", self.elapsed.as_secs_f64())?;
        if let Some(usage) = &self.usage {
            write!(f, ", {:.0} CPU-s", usage.cpu.as_secs_f64())?;
            if let Ok(seeds @ 1..) = u32::try_from(*seeds) {
                write!(f, " ({:.1} a seed)", (usage.cpu / seeds).as_secs_f64())?;
            }
            write!(f, ", {} MiB resident", usage.resident_bytes >> 20)?;
        }
        Ok(())
    }
}

/// Writes the lines of progress, on standard error.
pub struct Progress {
    began: Instant,
    reported: Instant,
    is_terminal: bool,
}

impl Progress {
    /// Begins now.
    pub fn begin() -> Self {
        let now = Instant::now();
        Self { began: now, reported: now, is_terminal: stderr().is_terminal() }
    }

    /// Writes a line if it is time for one.
    pub fn report(&mut self, totals: &Totals) {
        let interval = if self.is_terminal { TERMINAL_INTERVAL } else { LOG_INTERVAL };
        if self.reported.elapsed() < interval {
            return;
        }
        self.reported = Instant::now();
        let line = self.line(totals);
        // Where nobody can read it any more, there is nobody to tell.
        let _ = if self.is_terminal { write!(stderr(), "\r\x1b[K{line}") } else { writeln!(stderr(), "{line}") };
    }

    /// Removes the line from a terminal, so that others can be written.
    pub fn clear(&self) {
        if self.is_terminal {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }

    /// The totals up to now, as one line.
    pub fn line(&self, totals: &Totals) -> String {
        Line { totals, elapsed: self.began.elapsed(), usage: ProcessUsage::now() }.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_the_run_is_and_what_a_seed_costs() {
        let totals = Totals {
            planned: 1_000,
            seeds: 40,
            virtual_time: Duration::from_secs(5_400),
            events: 200_000,
            violations: 1,
        };
        let usage = ProcessUsage { cpu: Duration::from_secs(60), resident_bytes: 300 << 20 };
        let line = Line { totals: &totals, elapsed: Duration::from_secs(31), usage: Some(usage) };
        assert_eq!(
            line.to_string(),
            "40 of 1000 seeds, 1.50 simulated hours, 200000 events, 1 violations; 31 s, 60 CPU-s (1.5 a seed), \
             300 MiB resident"
        );
    }

    #[test]
    fn a_run_that_panicked_counts_as_a_violation() {
        let mut totals = Totals::default();
        totals.add(None);
        assert_eq!((totals.seeds, totals.violations), (1, 1));
    }
}
