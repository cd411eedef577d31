//! An S3 server in this process, whose faults are switched from the test.
//!
//! Owns: the part of S3 that Alluvium uses (PUT, also conditional, GET with ranges, HEAD, DELETE, bulk delete, listing
//! in pages, the bucket's settings), in memory, and the injected faults. Does not own: signatures (any is accepted),
//! other S3 calls.

mod bucket;
mod fault;
mod line;
mod routes;

pub use fault::{Fault, RequestKind, Rule};

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    thread,
};

use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use tokio::sync::oneshot;

use self::{bucket::Bucket, fault::Faults, line::Cut, line::Lines, routes::S3State};
use crate::server::{Server, wait_until};

/// The only bucket.
const BUCKET: &str = "b";

/// The server. Dropping it ends it, also in the middle of a request.
pub struct S3 {
    address: SocketAddr,
    state: Arc<S3State>,
    _stop: oneshot::Sender<()>,
}

impl S3 {
    /// An empty bucket, served on a thread of its own: tests block theirs.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a socket can be made not to block");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(S3State { bucket: Bucket::default(), faults: Faults::default() });
        let (stop, stopped) = oneshot::channel::<()>();
        let service = routes::routes(Arc::clone(&state)).into_make_service_with_connect_info::<Cut>();
        thread::spawn(move || serve(listener, service, stopped));
        Self { address, state, _stop: stop }
    }

    /// A server whose objects are here, under the prefix `p`, and that gives up on an object store within seconds.
    pub fn serve(&self, flags: &[&str]) -> Server {
        self.prepare(flags).started()
    }

    /// The same, not started yet.
    pub fn prepare(&self, flags: &[&str]) -> Server {
        let endpoint = self.endpoint();
        let usual =
            [["--store", "s3://b/p"], ["--s3-endpoint", &endpoint], ["--store-timeout", "2s"], ["--linger", "20ms"]];
        let usual = usual.into_iter().filter(|[name, _]| !flags.contains(name)).flatten();
        let flags: Vec<&str> = usual.chain(flags.iter().copied()).collect();
        Server::prepare(&flags).with_environment(&CREDENTIALS)
    }

    /// `http://host:port`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a rule: requests that match it fail as it says.
    pub fn inject(&self, rule: Rule) {
        self.state.faults.inject(rule);
    }

    /// Removes all rules. Connections that hang are closed, as by a server that restarts.
    pub fn heal(&self) {
        self.state.faults.heal();
    }

    /// Sets the bucket's setting `name` (`lifecycle`, `versioning`, `object-lock`) to `xml`.
    pub fn set(&self, name: &str, xml: &str) {
        self.state.bucket.set(name, xml);
    }

    /// Waits until `times` requests have failed by a rule since the last [`Self::heal`].
    pub fn wait_for_faults(&self, times: u64) {
        assert!(wait_until(|| self.state.faults.met() >= times), "only {} requests failed", self.state.faults.met());
    }

    /// Keys of all objects whose key ends in `suffix`.
    pub fn keys(&self, suffix: &str) -> Vec<String> {
        self.state.bucket.keys().into_iter().filter(|key| key.ends_with(suffix)).collect()
    }
}

/// Credentials that nobody checks.
pub const CREDENTIALS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_EC2_METADATA_DISABLED", "true")];

fn serve(
    listener: std::net::TcpListener,
    service: IntoMakeServiceWithConnectInfo<axum::Router, Cut>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let lines = Lines(tokio::net::TcpListener::from_std(listener).expect("a listener"));
        tokio::select! {
            _ = async { axum::serve(lines, service).await } => {}
            _ = stopped => {}
        }
    });
    // Requests that hang would block the shutdown of the runtime, too.
    runtime.shutdown_background();
}
