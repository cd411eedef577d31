//! What a handler of a Kafka API is: the request that it gets, the reply that it gives, and when it may be started.
//!
//! # How a handler is written
//! One file per API in `handlers/`, with one `HANDLER` const that names the API, its versions and its entry, and one
//! async function from request to response:
//!
//! ```ignore
//! pub const HANDLER: Handler = Handler::new(ApiKey::Heartbeat, 0..=4, |call| answer(call, handle));
//!
//! async fn handle(context: Context, request: HeartbeatRequest) -> HeartbeatResponse { .. }
//! ```
//!
//! Declare the file in `handlers/mod.rs` and add the const to the table there; [routing](super::dispatch),
//! `ApiVersions` and the tests derive from that table. [`HasErrorCode`](super::errors::HasErrorCode) maps domain errors
//! to codes. A handler is started once all earlier requests of its connection are answered; only Produces are
//! pipelined.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use alluvium_runtime::TaskPriority;
use alluvium_wire::frame::{self, RequestHeader};
use alluvium_wire::{ApiKey, DecodeError, ErrorCode, Message, Reader, Request};
use bytes::Bytes;
use futures::future::{self, BoxFuture, FutureExt};
use tokio::time::Instant;

use super::answer_window::AnswerWindow;
use super::fetch_session::ConnectionSession;
use crate::agent::Agent;
use crate::memory::{self, MemoryBudget, Share};
use crate::produce::Permit;

/// Answers below this size are not charged to the memory of answers: there is at most one for each connection.
const CHARGED_BYTES_MIN: usize = 16 << 10;

/// One Kafka API: its key, its versions, and the function that answers it.
pub struct Handler {
    /// The API's key.
    pub api: ApiKey,
    /// The versions that are served.
    pub versions: RangeInclusive<i16>,
    /// Whether a request may be started before earlier pipelined ones are answered.
    pub pipelined: bool,
    /// Whether the answer may wait for other clients (new records, other members). It is given up if the client
    /// disconnects.
    pub long_poll: bool,
    start: fn(Call) -> Result<InFlight, DecodeError>,
}

/// A request that was started and is not answered yet.
pub struct InFlight {
    /// Resolves to the reply.
    pub reply: BoxFuture<'static, Reply>,
    /// Whether other pipelined requests may be started before this one is answered.
    pub pipelined: bool,
}

impl Handler {
    /// The handler of `api` in `versions`.
    pub const fn new(
        api: ApiKey,
        versions: RangeInclusive<i16>,
        start: fn(Call) -> Result<InFlight, DecodeError>,
    ) -> Self {
        Self { api, versions, pipelined: false, long_poll: false, start }
    }

    /// This handler, started without waiting for the answers of earlier pipelined requests.
    pub const fn pipelined(self) -> Self {
        Self { api: self.api, versions: self.versions, pipelined: true, long_poll: self.long_poll, start: self.start }
    }

    /// This handler, whose answer may wait for other clients.
    pub const fn long_poll(self) -> Self {
        Self { api: self.api, versions: self.versions, pipelined: self.pipelined, long_poll: true, start: self.start }
    }

    /// Starts to answer `call`.
    pub fn start(&self, call: Call) -> InFlight {
        let (api, started, metrics) = (self.api, Instant::now(), call.context.agent.metrics.clone());
        let InFlight { reply, pipelined } = match (self.start)(call) {
            Ok(in_flight) => in_flight,
            Err(error) => {
                return InFlight::exclusive(future::ready(Reply::Close(CloseReason::Body { api, error })).boxed());
            }
        };
        let reply = async move {
            let reply = reply.await;
            metrics.request(api.name(), reply.error().0, started.elapsed());
            reply
        };
        InFlight { reply: reply.boxed(), pipelined: pipelined && self.pipelined }
    }
}

impl InFlight {
    /// A request that is answered before any other is started.
    pub fn exclusive(reply: BoxFuture<'static, Reply>) -> Self {
        Self { reply, pipelined: false }
    }
}

/// What a handler knows of the request besides its body.
#[derive(Clone)]
pub struct Context {
    /// The agent that serves it.
    pub agent: Arc<Agent>,
    /// The version of the request, and of its response.
    pub version: i16,
    /// The client id, if the client gave one.
    pub client_id: Option<String>,
    /// The address of the client.
    pub peer: SocketAddr,
    /// The fetch session of the connection.
    pub fetch_session: Arc<ConnectionSession>,
    /// How large the connection's next answer may be.
    pub answer_window: Arc<AnswerWindow>,
    /// The priority of the connection's task.
    pub priority: TaskPriority,
    /// All APIs served, for ApiVersions.
    pub apis: &'static [&'static Handler],
}

/// One request, as its handler gets it.
pub struct Call {
    /// What the handler knows besides the body.
    pub context: Context,
    /// The request header, whose correlation id the response carries.
    pub header: RequestHeader,
    /// The undecoded body.
    pub body: Bytes,
    /// The permit to hold the body in memory, if its API or size needs one.
    pub permit: Option<Permit>,
}

/// What a connection does once a request is answered.
#[derive(Debug)]
pub enum Reply {
    /// Writes a response frame.
    Response {
        /// The frame, as a chain of buffers to be written one after the other.
        parts: Vec<Bytes>,
        /// The first error in the response, for metrics.
        error: ErrorCode,
        /// The memory that the response holds until it is written, if it is charged.
        memory: Option<memory::Permit>,
    },
    /// Writes nothing (Produce without acknowledgement).
    NoResponse,
    /// Closes the connection.
    Close(CloseReason),
}

impl Reply {
    /// Whether it holds memory that others may wait for.
    pub fn holds_memory(&self) -> bool {
        matches!(self, Self::Response { memory: Some(_), .. })
    }

    /// This reply, which holds `memory` until it is written; if that is `None` and the reply is large, memory that it
    /// is charged with now.
    pub fn holding(self, memory: Option<memory::Permit>, budget: &MemoryBudget) -> Self {
        let Self::Response { parts, error, .. } = self else { return self };
        let bytes = parts.iter().map(Bytes::len).sum();
        let memory = match memory {
            Some(mut memory) => {
                memory.set(bytes);
                Some(memory)
            }
            None => (bytes >= CHARGED_BYTES_MIN).then(|| budget.charge(Share::Kafka, bytes)),
        };
        Self::Response { parts, error, memory }
    }

    fn error(&self) -> ErrorCode {
        match self {
            Self::Response { error, .. } => *error,
            Self::NoResponse => ErrorCode::NONE,
            Self::Close(_) => ErrorCode::UNKNOWN_SERVER_ERROR,
        }
    }
}

/// Why a connection is closed in answer to a request.
#[derive(Debug, thiserror::Error)]
pub enum CloseReason {
    /// The API, or this version of it, is not served. Kafka closes the connection, too.
    #[error("{api} version {version} is not served")]
    Unsupported {
        /// The API's key.
        api: ApiKey,
        /// The version that was requested.
        version: i16,
    },
    /// The frame does not begin with a request header of a known API.
    #[error("request header: {0}")]
    Header(DecodeError),
    /// The body is not a request of its API and version.
    #[error("malformed {api} request: {error}")]
    Body {
        /// The API's key.
        api: ApiKey,
        /// What is wrong with the body.
        error: DecodeError,
    },
    /// A Produce without acknowledgement failed: closing the connection is the only way to report it.
    #[error("produce without acknowledgement failed: {0}")]
    UnacknowledgedProduce(String),
    /// Our response cannot be encoded.
    #[error("response cannot be encoded: {0}")]
    Response(alluvium_wire::EncodeError),
}

impl CloseReason {
    /// The reason in a word, by which log lines are limited.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unsupported { .. } => "unsupported",
            Self::Header(_) => "header",
            Self::Body { .. } => "body",
            Self::UnacknowledgedProduce(_) => "unacknowledged produce",
            Self::Response(_) => "response",
        }
    }
}

/// Decodes the body, calls `handle`, encodes its response.
///
/// # Errors
/// If the body is not a request of its API and version.
pub fn answer<Q, F>(call: Call, handle: fn(Context, Q) -> F) -> Result<InFlight, DecodeError>
where
    Q: Request,
    Q::Response: Send,
    F: Future<Output = Q::Response> + Send + 'static,
{
    let Call { context, header, body, permit } = call;
    let budget = context.agent.memory.clone();
    let response = handle(context, decode(body, header.version)?);
    let reply = async move {
        let reply = respond(&header, &response.await).holding(None, &budget);
        drop(permit);
        reply
    };
    Ok(InFlight::exclusive(reply.boxed()))
}

/// Like [`answer`], for a handler that returns the memory that its response holds as well.
///
/// # Errors
/// If the body is not a request of its API and version.
pub fn answer_with_memory<Q, F>(call: Call, handle: fn(Context, Q) -> F) -> Result<InFlight, DecodeError>
where
    Q: Request,
    Q::Response: Send,
    F: Future<Output = (Q::Response, Option<memory::Permit>)> + Send + 'static,
{
    let Call { context, header, body, permit } = call;
    let budget = context.agent.memory.clone();
    let response = handle(context, decode(body, header.version)?);
    let reply = async move {
        let (response, memory) = response.await;
        let reply = respond(&header, &response).holding(memory, &budget);
        drop(permit);
        reply
    };
    Ok(InFlight::exclusive(reply.boxed()))
}

/// Decodes a body. Bytes after it are ignored, as Kafka ignores them: its request context parses what the schema says
/// and ignores the rest of the buffer. Clients rely on it (librdkafka sends some Metadata requests with three bytes too
/// many), so they must work here. (Tests and our own client read frames to their end: `alluvium_wire::frame`.)
///
/// # Errors
/// If the body is not such a message.
pub fn decode<Q: Message>(body: Bytes, version: i16) -> Result<Q, DecodeError> {
    Q::decode(&mut Reader::new(body), version)
}

/// The response frame to a request with this header.
pub fn respond<S: Message>(header: &RequestHeader, response: &S) -> Reply {
    respond_in(header.version, header, response)
}

/// The response frame in another version than that of the request.
pub fn respond_in<S: Message>(version: i16, header: &RequestHeader, response: &S) -> Reply {
    match frame::encode_response(version, header.correlation_id, response) {
        Ok(parts) => Reply::Response { parts, error: response.first_error(), memory: None },
        Err(error) => Reply::Close(CloseReason::Response(error)),
    }
}

/// A response frame that was encoded for another request of the same version, with the correlation id of this one.
pub fn respond_again(header: &RequestHeader, frame: &Bytes) -> Reply {
    let (prefix, rest) = frame.split_at(frame.len().min(frame::CORRELATION_ID.end));
    let mut prefix = prefix.to_vec();
    if let Some(id) = prefix.get_mut(frame::CORRELATION_ID) {
        id.copy_from_slice(&header.correlation_id.to_be_bytes());
    }
    Reply::Response { parts: vec![prefix.into(), frame.slice_ref(rest)], error: ErrorCode::NONE, memory: None }
}
