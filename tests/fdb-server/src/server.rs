//! Starts a server and waits until its database is available.

use std::{
    fs,
    net::TcpListener,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::process::Process;

/// Time for a new server to become available, on a machine that is busy with other tests.
const START_TIMEOUT: Duration = Duration::from_secs(90);
/// Pause between two checks.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// Ports of servers: below those that Linux uses for outgoing connections, above those of the other tests.
const PORTS: Range<u16> = 30_000..32_700;
/// Timeout of one command of `fdbcli`, in seconds.
const COMMAND_TIMEOUT: &str = "10";

/// A server that is a cluster of its own. Dropping it kills the server and removes its directory.
#[derive(Debug)]
pub struct FdbServer {
    /// `None` while the server is down.
    process: Option<Process>,
    home: PathBuf,
    directory: PathBuf,
    port: u16,
    /// Removes the directory when dropped; `None` if the process's shell removes it.
    _temp_dir: Option<TempDir>,
}

/// The storage engine of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Rows in memory, with a log on disk.
    Memory,
    /// Rows in a file.
    Ssd,
}

impl FdbServer {
    /// The server that all tests of this process share, started by the first call. Each test uses a prefix of its own.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<FdbServer> = OnceLock::new();
        SHARED.get_or_init(|| {
            let directory = tempfile::tempdir().expect("a directory for the server").keep();
            let mut server = Self::prepare(directory.clone(), None);
            server.launch(Some(&directory));
            server.configure(Storage::Memory);
            server
        })
    }

    /// Starts a server for one test.
    #[must_use]
    pub fn start(storage: Storage) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the server");
        let mut server = Self::prepare(directory.path().to_owned(), Some(directory));
        server.launch(None);
        server.configure(storage);
        server
    }

    fn prepare(directory: PathBuf, temp_dir: Option<TempDir>) -> Self {
        let home = std::env::var_os("FDB_HOME").expect("FDB_HOME names an installation of FoundationDB");
        let server = Self { process: None, home: home.into(), directory, port: free_port(), _temp_dir: temp_dir };
        fs::write(server.cluster_file(), format!("test:test@127.0.0.1:{}\n", server.port)).expect("written");
        server
    }

    fn launch(&mut self, remove: Option<&Path>) {
        let path = |name: &str| self.directory.join(name).display().to_string();
        let command = [
            self.home.join("bin/fdbserver").display().to_string(),
            format!("--cluster-file={}", self.cluster_file().display()),
            format!("--public-address=127.0.0.1:{}", self.port),
            format!("--listen-address=127.0.0.1:{}", self.port),
            format!("--datadir={}", path("rows")),
            format!("--logdir={}", path("log")),
            // Not every file system supports kernel AIO.
            "--knob_disable_posix_kernel_aio=1".to_owned(),
        ];
        self.process = Some(Process::start(&command, remove));
    }

    fn configure(&self, storage: Storage) {
        let storage = match storage {
            Storage::Memory => "memory",
            Storage::Ssd => "ssd",
        };
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let output = self.cli(&format!("configure new single {storage}"));
            // "already exists": an earlier attempt succeeded after all.
            if output.contains("Database created") || output.contains("already exists") {
                break;
            }
            assert!(Instant::now() < deadline, "not configured in time: {output}");
            sleep(CHECK_INTERVAL);
        }
        self.wait_until_available();
    }

    /// Waits until the database is available.
    pub fn wait_until_available(&self) {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let output = self.cli("status minimal");
            if output.contains("database is available") {
                return;
            }
            assert!(Instant::now() < deadline, "not available in time: {output}");
            sleep(CHECK_INTERVAL);
        }
    }

    /// Runs `command` in `fdbcli` and returns its output.
    #[must_use]
    pub fn cli(&self, command: &str) -> String {
        let output = Command::new(self.home.join("bin/fdbcli"))
            .arg("-C")
            .arg(self.cluster_file())
            .args(["--timeout", COMMAND_TIMEOUT, "--exec", command])
            .output()
            .expect("fdbcli runs");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// The cluster file by which clients find the server.
    #[must_use]
    pub fn cluster_file(&self) -> PathBuf {
        self.directory.join("fdb.cluster")
    }

    /// Sends the server the signal called `name`, such as `STOP`.
    ///
    /// # Panics
    /// If the server is down.
    pub fn signal(&self, name: &str) {
        self.process.as_ref().expect("the server runs").signal(name);
    }

    /// Kills the server as `kill -9` does; its directory stays.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts the server again after a [`FdbServer::kill`], and waits until its database is available.
    pub fn restart(&mut self) {
        self.launch(None);
        self.wait_until_available();
    }
}

/// A prefix of keys that is unique among the callers in this process.
#[must_use]
pub fn unique_prefix() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst))
}

/// A port on which nothing listens now.
fn free_port() -> u16 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // Another process with the same tests starts at another port.
    let first = std::process::id().wrapping_mul(7_919);
    loop {
        let turn = first.wrapping_add(COUNT.fetch_add(1, Ordering::SeqCst)) % u32::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(turn).expect("it is less than the number of ports");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
