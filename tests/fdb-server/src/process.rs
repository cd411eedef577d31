//! The server's process, and the shell that kills it when the test process ends.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// Starts the command in its arguments and prints the command's process id. At the end of its input it kills the
/// command, and removes the directory REMOVE if that is set. It ignores signals of the terminal, which are for the
/// tests.
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
    /// Starts `command`; the directory `remove` is removed after its end.
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
        BufReader::new(shell.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("the shell prints a line");
        let id = line.trim().parse().expect("the shell prints the server's process id");
        Self { shell, id }
    }

    /// Sends the server the signal called `name`, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id.to_string()]).status().expect("kill runs");
        assert!(sent.success(), "the server has ended");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ends the shell's input, on which it kills the server.
        drop(self.shell.stdin.take());
        // An error only means that the shell has ended already.
        let _ = self.shell.wait();
    }
}
