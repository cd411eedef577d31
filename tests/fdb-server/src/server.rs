//! Starting a server and waiting until it serves.

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

/// For a fresh server to serve, on a machine that is busy with other tests.
const DEADLINE: Duration = Duration::from_secs(90);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(100);
/// Below those that Linux gives to outgoing connections, above those of the other tests.
const PORTS: Range<u16> = 30_000..32_700;
/// Seconds for one command of `fdbcli`.
const COMMAND_TIMEOUT: &str = "10";

/// A server with a cluster of its own. Dropping it kills it and removes its directory.
#[derive(Debug)]
pub struct FdbServer {
    /// None while it is down.
    process: Option<Process>,
    home: PathBuf,
    directory: PathBuf,
    port: u16,
    /// None where whoever ends the process removes the directory.
    _removed: Option<TempDir>,
}

/// Where a server keeps its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory, with a log on disk.
    Memory,
    /// In a file.
    Ssd,
}

impl FdbServer {
    /// The server of this process, started by the first who asks: whoever shares it takes a prefix of his own.
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

    /// A server of one's own.
    #[must_use]
    pub fn start(storage: Storage) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the server");
        let mut server = Self::prepare(directory.path().to_owned(), Some(directory));
        server.launch(None);
        server.configure(storage);
        server
    }

    fn prepare(directory: PathBuf, removed: Option<TempDir>) -> Self {
        let home = std::env::var_os("FDB_HOME").expect("FDB_HOME names an installation of FoundationDB");
        let server = Self { process: None, home: home.into(), directory, port: free_port(), _removed: removed };
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
            // Not every file system of a test machine has it.
            "--knob_disable_posix_kernel_aio=1".to_owned(),
        ];
        self.process = Some(Process::start(&command, remove));
    }

    fn configure(&self, storage: Storage) {
        let storage = match storage {
            Storage::Memory => "memory",
            Storage::Ssd => "ssd",
        };
        let deadline = Instant::now() + DEADLINE;
        loop {
            let said = self.cli(&format!("configure new single {storage}"));
            // "exists": an earlier try did it after all.
            if said.contains("Database created") || said.contains("already exists") {
                break;
            }
            assert!(Instant::now() < deadline, "not configured in time: {said}");
            sleep(PAUSE);
        }
        self.wait_until_available();
    }

    /// Waits until it serves.
    pub fn wait_until_available(&self) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let said = self.cli("status minimal");
            if said.contains("database is available") {
                return;
            }
            assert!(Instant::now() < deadline, "not available in time: {said}");
            sleep(PAUSE);
        }
    }

    /// What `fdbcli` says to `command`.
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

    /// The file by which clients find it.
    #[must_use]
    pub fn cluster_file(&self) -> PathBuf {
        self.directory.join("fdb.cluster")
    }

    /// Sends it the signal called `name`.
    ///
    /// # Panics
    /// While it is down.
    pub fn signal(&self, name: &str) {
        self.process.as_ref().expect("the server runs").signal(name);
    }

    /// `kill -9`; its directory stays.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again after a [`FdbServer::kill`], and waits until it serves.
    pub fn restart(&mut self) {
        self.launch(None);
        self.wait_until_available();
    }
}

/// A prefix of keys that no other caller in this process is given.
#[must_use]
pub fn unique_prefix() -> String {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), GIVEN.fetch_add(1, Ordering::SeqCst))
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Another process with the same tests begins elsewhere.
    let first = std::process::id().wrapping_mul(7_919);
    loop {
        let turn = first.wrapping_add(GIVEN.fetch_add(1, Ordering::SeqCst)) % u32::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(turn).expect("fewer than there are ports");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
