//! Requests blocks from other agents over HTTP, and notices when the process of an agent ends.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use alluvium_model::node::Endpoint;
use alluvium_runtime::PerRuntime;
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Body;
use hyper::{StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{BlockName, BlockPart, PeerBlocks, PeerError};

/// The path under which agents serve blocks to each other, followed by the object's key.
pub const BLOCKS_PATH: &str = "/internal/v1/blocks/";

/// Time to connect to an agent of the same zone, which is a fraction of a millisecond away.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Idle connections held open to one agent.
const IDLE_CONNECTIONS_MAX: usize = 8;
/// How long an idle connection is held open; less than the other side allows.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Pause before an agent that cannot be reached is connected to again.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// The shortest time between two connections to an agent that are opened to notice its end: ten a second.
const REOPEN_PAUSE: Duration = Duration::from_millis(100);
/// Bytes read of an answer that says why there is no block.
const REASON_BYTES_MAX: usize = 4 << 10;

/// Requests blocks over HTTP/1.1 on connections that are kept open; each Tokio runtime has its own. The caller bounds how
/// long an answer may take.
#[derive(Clone, Debug)]
pub struct HttpPeers {
    clients: Arc<PerRuntime<BlockClient>>,
}

type BlockClient = Client<HttpConnector, Empty<Bytes>>;

impl HttpPeers {
    /// A client without connections.
    #[must_use]
    pub fn new() -> Self {
        Self { clients: Arc::default() }
    }

    fn client(&self) -> BlockClient {
        let make = || {
            let mut connector = HttpConnector::new();
            connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
            connector.set_nodelay(true);
            let builder = Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
                .clone();
            Ok(builder.build(connector))
        };
        let Ok(client): Result<_, Infallible> = self.clients.get_or_make(make);
        client
    }
}

impl Default for HttpPeers {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl PeerBlocks for HttpPeers {
    async fn fetch(&self, peer: &Endpoint, block: &BlockName) -> Result<Bytes, PeerError> {
        let answer = self.client().get(uri(peer, block)?).await;
        let answer = answer.map_err(|error| PeerError::Unreachable(with_causes(&error)))?;
        let (status, body) = (answer.status(), answer.into_body());
        if status != StatusCode::OK {
            let reason = Limited::new(body, REASON_BYTES_MAX).collect().await;
            let reason = reason.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
            return Err(error_of(status, &reason.unwrap_or_default()));
        }
        let bytes_max = block.bytes_max();
        if body.size_hint().lower() > bytes_max as u64 {
            return Err(PeerError::InvalidBytes(format!("more than {bytes_max} bytes")));
        }
        let body = Limited::new(body, bytes_max).collect().await;
        Ok(body.map_err(|error| PeerError::Unreachable(error.to_string()))?.to_bytes())
    }

    async fn ended(&self, peer: &Endpoint) {
        let mut was_open = false;
        loop {
            match timeout(CONNECT_TIMEOUT, TcpStream::connect((peer.host.as_str(), peer.port))).await {
                Ok(Ok(connection)) => {
                    was_open = true;
                    let opened = Instant::now();
                    until_closed(connection).await;
                    // An agent closes connections that are idle for long. If it closes them at once, it is not asked in
                    // a busy loop.
                    sleep(REOPEN_PAUSE.saturating_sub(opened.elapsed())).await;
                }
                Ok(Err(error)) if was_open && error.kind() == ErrorKind::ConnectionRefused => return,
                Ok(Err(_)) | Err(_) => sleep(RECONNECT_PAUSE).await,
            }
        }
    }
}

/// Reads `connection`, on which nothing is asked, until the other side closes it.
async fn until_closed(mut connection: TcpStream) {
    let mut unexpected = [0; 256];
    while connection.read(&mut unexpected).await.is_ok_and(|bytes| bytes > 0) {}
}

fn uri(peer: &Endpoint, block: &BlockName) -> Result<Uri, PeerError> {
    let range = match block.part() {
        BlockPart::Whole => String::new(),
        BlockPart::Range(range) => format!("?from={}&to={}", range.start, range.end),
    };
    // Keys need no escapes, because names of topics have no characters that do.
    let uri = format!("http://{peer}{BLOCKS_PATH}{}{range}", block.key());
    uri.parse().map_err(|error| PeerError::Unreachable(format!("{uri}: {error}")))
}

fn error_of(status: StatusCode, reason: &str) -> PeerError {
    match status {
        StatusCode::NOT_FOUND => PeerError::Absent,
        StatusCode::TOO_MANY_REQUESTS => PeerError::Busy,
        StatusCode::PAYLOAD_TOO_LARGE => PeerError::TooLarge,
        _ => PeerError::Rejected(format!("{status}: {reason}")),
    }
}

/// The error with its causes: the text of the client's own error says little.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
