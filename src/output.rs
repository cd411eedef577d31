//! Standard output, the one place that writes to it: what a command answers, as opposed to what it logs.

use std::io::{self, Write};

/// Writes `text` and a newline; a closed pipe is not an error.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Says on standard error why the command failed, with all causes on one line. Where even that is closed, the exit code
/// has to do.
pub fn complain(error: &anyhow::Error) {
    let _ = writeln!(io::stderr().lock(), "alluvium: {error:#}");
}
