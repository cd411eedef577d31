//! The server's process, and the shell that outlives us just long enough to end it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// Starts the arguments and tells their process id. The end of the input is the end of the server, and of the directory
/// REMOVE if there is one. What the terminal sends to all of us is for the tests to obey.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
"$@" >/dev/null 2>&1 &
server=$!
echo "$server"
read -r _
kill -9 "$server"
wait "$server"
[ -z "$REMOVE" ] || rm -rf "$REMOVE"
"#;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    shell: Child,
    id: u32,
}

impl Process {
    /// Starts `command`; `remove` is removed after its end.
    pub fn start(command: &[String], remove: Option<&Path>) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .args(command)
            .env("REMOVE", remove.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell starts");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("it is piped")).read_line(&mut line).expect("the shell answers");
        let id = line.trim().parse().expect("the shell tells the server's process id");
        Self { shell, id }
    }

    /// Sends it the signal called `name`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id.to_string()]).status().expect("kill runs");
        assert!(sent.success(), "the server is gone");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its input.
        drop(self.shell.stdin.take());
        // It may be gone already; there is nobody to tell.
        let _ = self.shell.wait();
    }
}
