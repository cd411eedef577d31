//! The binary `alluvium-sim`: runs seeds and prints the violations.

mod interrupt;
mod process_usage;
mod progress;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use alluvium_sim::checker::{Violation, trace};
use alluvium_sim::run::{RunOptions, RunReport, run};
use clap::Parser;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::progress::{Progress, TERMINAL_INTERVAL, Totals};

/// Runs the whole system in one process on virtual time, once for each seed, and checks what clients saw.
#[derive(Clone, Copy, Debug, Parser)]
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
    /// Leaves transactional clients out of all runs.
    #[arg(long)]
    without_transactions: bool,
    /// Prints every event as it happens (on standard error), and what `--digests` prints.
    #[arg(long)]
    verbose: bool,
    /// Prints a digest of each seed's history: the same for two versions of the system that behave the same.
    #[arg(long)]
    digests: bool,
}

/// What the main thread waits for.
enum Message {
    /// A seed was run; `None` if the run itself panicked.
    Ran(u64, Option<RunReport>),
    /// The process is told to stop, by this signal.
    Interrupted(i32),
}

fn main() -> ExitCode {
    let options = Options::parse();
    let filter: Targets = std::env::var("RUST_LOG").ok().and_then(|filter| filter.parse().ok()).unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    let jobs = options.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let jobs = if options.verbose { 1 } else { jobs };
    let next = Arc::new(AtomicU64::new(0));
    let (sender, messages) = sync_channel(jobs + 1);
    for _ in 0..jobs {
        let (sender, next) = (sender.clone(), Arc::clone(&next));
        thread::spawn(move || work(options, &next, &sender));
    }
    thread::spawn(move || {
        if let Ok(signal) = interrupt::wait() {
            // The main thread ends only with the process.
            let _ = sender.send(Message::Interrupted(signal));
        }
    });
    let mut progress = Progress::begin();
    let mut totals = Totals { planned: options.seeds, ..Totals::default() };
    let interrupted = gather(&messages, options.verbose || options.digests, &mut totals, &mut progress);
    progress.clear();
    say(&progress.line(&totals));
    exit_code(totals.violations, interrupted)
}

/// 1 if there were violations; else what shells report for a process that ended by a signal, or success.
fn exit_code(violations: u64, interrupted: Option<i32>) -> ExitCode {
    match interrupted.map(|signal| u8::try_from(128 + signal)) {
        _ if violations > 0 => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
        Some(code) => ExitCode::from(code.unwrap_or(1)),
    }
}

fn work(options: Options, next: &AtomicU64, messages: &SyncSender<Message>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= options.seeds {
            return;
        }
        let seed = options.start + number;
        let duration = options.minutes.map(|minutes| Duration::from_secs(60 * minutes));
        let run_options = RunOptions {
            seed,
            duration,
            verbose: options.verbose,
            without_transactions: options.without_transactions,
            bug: None,
        };
        let report = catch_unwind(|| if options.twice { run_twice(run_options) } else { run(run_options) }).ok();
        if messages.send(Message::Ran(seed, report)).is_err() {
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

/// Adds up and prints what the runs report, until all were run or a signal arrived, which is returned. Runs under way
/// are then abandoned.
fn gather(messages: &Receiver<Message>, digests: bool, totals: &mut Totals, progress: &mut Progress) -> Option<i32> {
    while totals.seeds < totals.planned {
        match messages.recv_timeout(TERMINAL_INTERVAL) {
            Ok(Message::Ran(seed, report)) => {
                totals.add(report.as_ref());
                progress.clear();
                print_outcome(seed, report.as_ref(), digests);
            }
            Ok(Message::Interrupted(signal)) => return Some(signal),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        progress.report(totals);
    }
    None
}

fn print_outcome(seed: u64, report: Option<&RunReport>, digests: bool) {
    let Some(report) = report else { return say(&format!("seed {seed}: the run itself panicked")) };
    if digests {
        let (events, digest) = (report.history.events.len(), report.history.digest());
        say(&format!("seed {seed}: {:?}, {events} events, digest {digest:016x}", report.elapsed));
    }
    for violation in &report.violations {
        say(&format!("seed {seed} violates {}", trace(&report.history, violation)));
    }
}

#[expect(clippy::print_stdout, reason = "printing violations is what it is for")]
fn say(line: &str) {
    println!("{line}");
}
