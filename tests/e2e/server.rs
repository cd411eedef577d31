//! The binary as a child process, with ports and a data directory of its own.

use std::{
    fs::File,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// For a state that is reached within milliseconds on a quiet machine: it has to be enough on a slow and busy one.
pub const DEADLINE: Duration = Duration::from_secs(180);
/// Timeout of one answer over HTTP.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
/// Ports of servers: below those that Linux gives to outgoing connections.
const PORTS: Range<u16> = 10_000..30_000;
const PAUSE: Duration = Duration::from_millis(10);
const BINARY: &str = env!("CARGO_BIN_EXE_alluvium");

/// A server under test. Dropping it kills it.
pub struct Server {
    role: &'static str,
    directory: TempDir,
    data: PathBuf,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    kafka: u16,
    http: u16,
    child: Option<Child>,
}

impl Server {
    /// Starts `alluvium dev` with `flags` on a fresh directory, and waits until it is ready.
    pub fn start(flags: &[&str]) -> Self {
        Self::prepare(flags).started()
    }

    /// A server that will run with `flags` on a fresh directory, once it is started.
    pub fn prepare(flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the test");
        Self {
            role: "dev",
            data: directory.path().join("data"),
            directory,
            flags: flags.iter().map(ToString::to_string).collect(),
            environment: Vec::new(),
            kafka: free_port(),
            http: free_port(),
            child: None,
        }
    }

    /// Runs in another role than `dev`.
    pub fn with_role(mut self, role: &'static str) -> Self {
        self.role = role;
        self
    }

    /// Adds variables to its environment.
    pub fn with_environment(mut self, variables: &[(&str, &str)]) -> Self {
        self.environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    /// Keeps its data in `directory` instead.
    pub fn with_data(mut self, directory: &Path) -> Self {
        directory.clone_into(&mut self.data);
        self
    }

    /// Starts it, and waits until it is ready.
    pub fn started(mut self) -> Self {
        self.restart();
        self
    }

    /// Starts it (again) on the same directory and ports, and waits until it is ready.
    pub fn restart(&mut self) {
        self.launch();
        let ready = wait_until(|| self.is_ready() || self.has_ended());
        assert!(ready && !self.has_ended(), "not ready in time:\n{}", self.logged());
    }

    /// Starts it, and does not wait.
    pub fn launch(&mut self) {
        let log = File::options().create(true).append(true).open(self.log()).expect("a log file");
        let child = self.command(self.role).stdout(Stdio::null()).stderr(log).spawn().expect("the binary starts");
        self.child = Some(child);
    }

    /// Runs it until it ends by itself. Returns its status and all of its output.
    pub fn run(&self) -> (ExitStatus, String) {
        output(&mut self.command(self.role))
    }

    /// Runs `alluvium doctor` with the same flags, and `more`: status, standard output.
    pub fn doctor(&self, more: &[&str]) -> (ExitStatus, String) {
        let output = self.command("doctor").args(more).output().expect("the binary starts");
        (output.status, String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn command(&self, role: &str) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args([role, "--group-initial-rebalance-delay", "0s"])
            .args(["--kafka-listen", &self.address(), "--http-listen", &self.http_address()])
            .arg("--data-dir")
            .arg(self.data())
            .args(&self.flags)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// Whether it says that it is ready.
    pub fn is_ready(&self) -> bool {
        self.get("/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().expect("the state of a child can be read").is_some())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("the server runs");
        child.kill().expect("a child can be killed");
        child.wait().expect("a child can be waited for");
    }

    /// Sends SIGTERM and waits for its end. Returns its exit status.
    pub fn stop(&mut self) -> ExitStatus {
        self.terminate();
        self.ended()
    }

    /// Sends SIGTERM, without waiting.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill").args(["-s", name, &self.id().to_string()]).status().expect("kill runs");
        assert!(killed.success());
    }

    /// Waits for its end. Returns its exit status.
    pub fn ended(&mut self) -> ExitStatus {
        assert!(wait_until(|| self.has_ended()), "still running:\n{}", self.logged());
        self.child.take().expect("the server ran").wait().expect("a child can be waited for")
    }

    /// Runs `alluvium compact --once` on this server's directory, which must not be served meanwhile.
    pub fn compact(&self) -> String {
        let (status, output) = self.compact_anyway();
        assert!(status.success(), "{output}");
        output
    }

    /// The same, and it may fail. Returns its status and all of its output.
    pub fn compact_anyway(&self) -> (ExitStatus, String) {
        let data = self.data().display().to_string();
        let mut command = Command::new(BINARY);
        command.args(["compact", "--once", "--data-dir", &data]).args(&self.flags);
        output(command.envs(self.environment.iter().map(|(name, value)| (name, value))))
    }

    /// `host:port` of Kafka.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.kafka)
    }

    /// `host:port` of HTTP.
    pub fn http_address(&self) -> String {
        format!("127.0.0.1:{}", self.http)
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// Where it logs to.
    pub fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// What it logged so far.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// The value of the metric called `name`, which has no labels.
    pub fn metric(&self, name: &str) -> u64 {
        let answer = self.get("/metrics").expect("metrics");
        let value = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("no {name} in {answer}"))
    }

    /// The raw answer to `GET path`.
    pub fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).ok()?;
        stream.set_read_timeout(Some(ANSWER_DEADLINE)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

impl Drop for Server {
    #[expect(
        clippy::print_stderr,
        reason = "what the server printed is the first thing to look at when its test fails"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.logged());
        }
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs the binary with `args` to its end. Returns its status and all of its output.
pub fn run(args: &[&str]) -> (ExitStatus, String) {
    output(Command::new(BINARY).args(args))
}

fn output(command: &mut Command) -> (ExitStatus, String) {
    let output = command.output().expect("the binary starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8_lossy(&text).into_owned())
}

/// A port that nobody listens on now, that no other test is given, and that the system does not give to connections.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Another process with the same tests begins with another port.
    let first = std::process::id().wrapping_mul(7_919);
    loop {
        let turn = first.wrapping_add(GIVEN.fetch_add(1, Ordering::SeqCst)) % u32::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(turn).expect("fewer than there are ports");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Whether `ready` became true in time.
pub fn wait_until(mut ready: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        if ready() {
            return true;
        }
        std::thread::sleep(PAUSE);
    }
    false
}

/// All files below `directory` whose name ends in `extension`.
pub fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.to_string_lossy().ends_with(extension) {
            found.push(path);
        }
    }
    found
}
