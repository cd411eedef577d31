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
