//! The binary `alluvium-sim`: runs seeds and prints the violations.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use alluvium_sim::checker::{Violation, trace};
use alluvium_sim::run::{RunOptions, RunReport, run};
use clap::Parser;

/// Runs the whole system in one process on virtual time, once for each seed, and checks what clients saw.
#[derive(Debug, Parser)]
#[command(name = "alluvium-sim")]
struct Options {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// How many seeds to run.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// Virtual minutes of load and faults in each run; by default the seed decides.
    #[arg(long)]
    minutes: Option<u64>,
    /// Runs at once; by default one per processor.
    #[arg(long)]
    jobs: Option<usize>,
    /// Runs every seed twice, and compares.
    #[arg(long)]
    twice: bool,
    /// Prints every event as it happens (on standard error), and each seed's digest at its end.
    #[arg(long)]
    verbose: bool,
}

/// Sums over the seeds that were run.
#[derive(Default)]
struct Totals {
    seeds: u64,
    virtual_time: Duration,
    events: u64,
    violations: u64,
}

type Outcome = (u64, Option<RunReport>);

fn main() -> ExitCode {
    let options = Options::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let jobs = options.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let jobs = if options.verbose { 1 } else { jobs };
    let next = AtomicU64::new(0);
    let mut totals = Totals::default();
    thread::scope(|scope| {
        let (sender, outcomes) = sync_channel(jobs);
        for _ in 0..jobs {
            let (sender, options, next) = (sender.clone(), &options, &next);
            scope.spawn(move || work(options, next, &sender));
        }
        drop(sender);
        gather(&outcomes, options.verbose, &mut totals);
    });
    say(&format!(
        "{} seeds, {:.2} simulated hours, {} events, {} violations",
        totals.seeds,
        totals.virtual_time.as_secs_f64() / 3_600.0,
        totals.events,
        totals.violations
    ));
    if totals.violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn work(options: &Options, next: &AtomicU64, outcomes: &SyncSender<Outcome>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= options.seeds {
            return;
        }
        let seed = options.start + number;
        let duration = options.minutes.map(|minutes| Duration::from_secs(60 * minutes));
        let run_options = RunOptions { seed, duration, verbose: options.verbose, bug: None };
        let report = catch_unwind(|| if options.twice { run_twice(run_options) } else { run(run_options) }).ok();
        if outcomes.send((seed, report)).is_err() {
            return;
        }
    }
}

/// Runs a seed twice. If the second run differs, the first report has that as one more violation.
fn run_twice(options: RunOptions) -> RunReport {
    let (mut first, second) = (run(options), run(options));
    let (one, other) = (&first.history.events, &second.history.events);
    let difference = one.iter().zip(other).position(|(one, other)| one != other);
    if let Some(place) = difference.or((one.len() != other.len()).then_some(one.len().min(other.len()))) {
        let what = format!("event {place} is {:?} once and {:?} once", one.get(place), other.get(place));
        let events = if place < one.len() { vec![place] } else { Vec::new() };
        first.violations.push(Violation { invariant: "same-seed-same-trace", what, events });
    }
    first
}

fn gather(outcomes: &Receiver<Outcome>, verbose: bool, totals: &mut Totals) {
    for (seed, report) in outcomes {
        totals.seeds += 1;
        let Some(report) = report else {
            totals.violations += 1;
            say(&format!("seed {seed}: the run itself panicked"));
            continue;
        };
        totals.virtual_time += report.elapsed;
        totals.events += report.history.events.len() as u64;
        totals.violations += report.violations.len() as u64;
        if verbose {
            let (events, digest) = (report.history.events.len(), report.history.digest());
            say(&format!("seed {seed}: {:?}, {events} events, digest {digest:016x}", report.elapsed));
        }
        for violation in &report.violations {
            say(&format!("seed {seed} violates {}", trace(&report.history, violation)));
        }
    }
}

#[expect(clippy::print_stdout, reason = "printing violations is what it is for")]
fn say(line: &str) {
    println!("{line}");
}
