//! The limit on log lines as a filter of `tracing`.

use std::{
    fmt::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{
    Event, Level, Metadata,
    callsite::Identifier,
    field::{Field, Visit},
    level_filters::LevelFilter,
    subscriber::Interest,
};
use tracing_subscriber::layer::{Context, Filter};

use super::line_limit::{LeftOut, LineLimit};

/// Lines a second of one place in the code that names a `kind`: those that peers cause.
const LINES_OF_KIND_MAX: u32 = 1;
/// Lines a second of any other place: more say no more, and a disk full of them stops the process.
const LINES_OF_PLACE_MAX: u32 = 20;
/// Pause between two reports of lines left out.
const REPORT_PAUSE: Duration = Duration::from_secs(1);
/// Bytes of a kind and of a text that are kept; ours are shorter.
const TEXT_BYTES_MAX: usize = 100;
/// The target of the reports, which are not limited themselves.
const REPORT_TARGET: &str = "alluvium::left_out_lines";

/// A place in the code, and the value of the field `kind` if the line has one.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Kind {
    place: Identifier,
    name: String,
}

type SharedLimit = Arc<Mutex<LineLimit<Kind>>>;
/// Tells the time.
type Clock = fn() -> Instant;

/// Passes some lines of each kind in each second.
pub struct LimitedLines {
    limit: SharedLimit,
    clock: Clock,
}

/// The lines that were left out.
pub struct LeftOutLines {
    limit: SharedLimit,
    clock: Clock,
}

impl LimitedLines {
    /// The filter, and the lines that it leaves out.
    pub fn new(clock: Clock) -> (Self, LeftOutLines) {
        let limit = Arc::new(Mutex::new(LineLimit::new()));
        (Self { limit: Arc::clone(&limit), clock }, LeftOutLines { limit, clock })
    }

    fn admits(&self, event: &Event<'_>) -> bool {
        let place = event.metadata();
        if *place.level() > Level::INFO || place.target() == REPORT_TARGET {
            return true;
        }
        let name = text_of(event, "kind");
        let lines_max = if name.is_empty() { LINES_OF_PLACE_MAX } else { LINES_OF_KIND_MAX };
        let kind = Kind { place: place.callsite(), name };
        let now = (self.clock)().into_std();
        lock(&self.limit).admit(kind, lines_max, now, || text_of(event, "message"))
    }
}

impl<S> Filter<S> for LimitedLines {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn callsite_enabled(&self, _: &'static Metadata<'static>) -> Interest {
        // Not `always`: a filter that rejects single events must have been asked for each of them, or the registry's
        // state of filters gets out of step (it asserts that it does not).
        Interest::sometimes()
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.admits(event)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }
}

impl LeftOutLines {
    /// Logs every second how many lines were left out. Never returns.
    pub async fn report(&self) -> ! {
        loop {
            tokio::time::sleep(REPORT_PAUSE).await;
            let left_out = lock(&self.limit).take((self.clock)().into_std());
            log(left_out);
        }
    }
}

impl Drop for LeftOutLines {
    /// Logs the last counts.
    fn drop(&mut self) {
        let left_out = lock(&self.limit).take((self.clock)().into_std());
        log(left_out);
    }
}

fn log(left_out: Vec<LeftOut>) {
    for LeftOut { lines, text } in left_out {
        tracing::warn!(target: REPORT_TARGET, lines, like = text, "log lines were left out");
    }
}

fn lock(limit: &SharedLimit) -> MutexGuard<'_, LineLimit<Kind>> {
    limit.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The value of the field `name` as text, cut to [`TEXT_BYTES_MAX`]; empty if there is none.
fn text_of(event: &Event<'_>, name: &'static str) -> String {
    struct Text(&'static str, String);
    impl Visit for Text {
        fn record_str(&mut self, field: &Field, value: &str) {
            self.record_debug(field, &format_args!("{value}"));
        }

        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            if field.name() == self.0 {
                self.1.clear();
                let _ = write!(self.1, "{value:?}");
                self.1.truncate(self.1.floor_char_boundary(TEXT_BYTES_MAX));
            }
        }
    }
    let mut text = Text(name, String::new());
    event.record(&mut text);
    text.1
}

#[cfg(test)]
mod tests {
    use std::{io, sync::OnceLock};

    use tracing_subscriber::filter::{FilterExt, Targets};
    use tracing_subscriber::{Layer, fmt::MakeWriter, layer::SubscriberExt};

    use super::*;

    /// Standard error of a test.
    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl Output {
        fn lines(&self) -> Vec<String> {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
        }
    }

    impl io::Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Output {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// All lines of a test are in one second, however slow the machine is.
    fn stopped_clock() -> Instant {
        static START: OnceLock<Instant> = OnceLock::new();
        *START.get_or_init(Instant::now)
    }

    /// What `log` writes with this filter.
    fn logged(filter: &str, log: impl FnOnce()) -> Vec<String> {
        let output = Output::default();
        let (limited, left_out) = LimitedLines::new(stopped_clock);
        let lines = tracing_subscriber::fmt::layer().with_writer(output.clone()).without_time().with_ansi(false);
        let filter = filter.parse::<Targets>().unwrap().and(limited);
        let subscriber = tracing_subscriber::registry().with(lines.with_target(false).with_filter(filter));
        tracing::subscriber::with_default(subscriber, || {
            log();
            drop(left_out);
        });
        output.lines()
    }

    fn sum_of_left_out(lines: &[String]) -> u64 {
        let number = |line: &String| line.split_once("lines=")?.1.split(' ').next()?.parse::<u64>().ok();
        lines.iter().filter_map(number).sum()
    }

    #[test]
    fn a_hundred_thousand_malformed_requests_are_a_line_per_kind_and_a_count() {
        let lines = logged("info", || {
            for number in 0..100_000 {
                let kind = if number % 4 == 0 { "body" } else { "header" };
                tracing::warn!(peer = number, kind, "connection closed");
            }
        });
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert_eq!(sum_of_left_out(&lines), 100_000 - 2);
        assert!(lines[2..].iter().all(|line| line.contains(r#"like="connection closed""#)), "{lines:?}");
    }

    #[test]
    fn lines_without_a_kind_are_limited_by_their_place() {
        let lines = logged("info", || {
            for number in 0..100 {
                tracing::error!(number, "one place");
                tracing::info!("another");
            }
        });
        assert_eq!(lines.iter().filter(|line| line.contains("one place") && line.contains("number")).count(), 20);
        assert_eq!(sum_of_left_out(&lines), 2 * 80);
    }

    #[test]
    fn lines_for_debugging_and_those_that_the_filter_drops_are_neither_limited_nor_counted() {
        let flood = || {
            for _ in 0..100 {
                tracing::debug!(kind = "body", "connection closed");
            }
        };
        assert_eq!(logged("debug", flood).len(), 100);
        assert_eq!(logged("info", flood).len(), 0);
        let warnings = || (0..100).for_each(|_| tracing::warn!("dropped"));
        assert_eq!(logged("error", warnings).len(), 0);
    }
}
