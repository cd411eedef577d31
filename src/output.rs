//! The one place that writes to standard output: the results of commands, as opposed to their logs.

use std::io::{self, Write};

/// Writes `text` and a newline; a closed pipe is not an error.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes to standard error why the command failed, with all causes on one line. If standard error is closed, only the
/// exit code reports the failure.
pub fn print_error(error: &anyhow::Error) {
    let _ = writeln!(io::stderr().lock(), "alluvium: {error:#}");
}
