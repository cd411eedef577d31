//! From a frame to the handler of its API, and back to response bytes.
//!
//! # How a handler is written
//! One file per API in `handlers/`, with one `HANDLER` const that names the API, its versions and its entry, and one async
//! function from request to response:
//!
//! ```ignore
//! pub const HANDLER: Handler = Handler::new(ApiKey::Heartbeat, 0..=4, |call| answer(call, handle));
//!
//! async fn handle(context: Context, request: HeartbeatRequest) -> HeartbeatResponse { .. }
//! ```
//!
//! The const joins the table in `handlers/mod.rs`; routing, `ApiVersions` and the tests derive from that table. Domain
//! errors become codes by [`Coded`](super::errors::Coded). A handler runs alone on its connection: all earlier requests
//! are answered. Only Produce overlaps others of its kind.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use alluvium_wire::frame::{self, RequestHeader};
use alluvium_wire::{ApiKey, DecodeError, ErrorCode, Message, Reader, Request};
use bytes::Bytes;
use futures::future::{self, BoxFuture, FutureExt};
use tokio::time::Instant;

use super::handlers;
use crate::agent::Agent;
use crate::produce::Permit;

/// One Kafka API: which, in which versions, and what answers it.
pub struct Handler {
    /// Which API.
    pub api: ApiKey,
    /// The versions that are served.
    pub versions: RangeInclusive<i16>,
    /// Whether requests may be started before earlier ones with the same mark are answered.
    pub overlaps: bool,
    /// Whether the answer may wait for others (new records, other members), so that nobody waits on for a client that is gone.
    pub parks: bool,
    start: fn(Call) -> Started,
}

/// A request that was started.
pub struct Begun {
    /// Its answer, on its way.
    pub reply: BoxFuture<'static, Reply>,
    /// Whether others of an overlapping kind may be started before it is answered.
    pub overlaps: bool,
}

/// A request that was started, or why the body is not one.
pub type Started = Result<Begun, DecodeError>;

impl Handler {
    /// The handler of `api` in `versions`.
    pub const fn new(api: ApiKey, versions: RangeInclusive<i16>, start: fn(Call) -> Started) -> Self {
        Self { api, versions, overlaps: false, parks: false, start }
    }

    /// The same, started without waiting for earlier ones of its kind.
    pub const fn overlapping(self) -> Self {
        Self { api: self.api, versions: self.versions, overlaps: true, parks: self.parks, start: self.start }
    }

    /// The same, whose answer may wait for others.
    pub const fn parking(self) -> Self {
        Self { api: self.api, versions: self.versions, overlaps: self.overlaps, parks: true, start: self.start }
    }

    /// Starts to answer `call`.
    pub fn start(&self, call: Call) -> Begun {
        let (api, begun, metrics) = (self.api, Instant::now(), call.context.agent.metrics.clone());
        let Begun { reply, overlaps } = match (self.start)(call) {
            Ok(begun) => begun,
            Err(error) => return Begun::alone(future::ready(Reply::Close(Closing::Body { api, error })).boxed()),
        };
        let reply = async move {
            let reply = reply.await;
            metrics.request(api.name(), reply.error().0, begun.elapsed());
            reply
        };
        Begun { reply: reply.boxed(), overlaps: overlaps && self.overlaps }
    }
}

impl Begun {
    /// A request that is answered before any other is started.
    pub fn alone(reply: BoxFuture<'static, Reply>) -> Self {
        Self { reply, overlaps: false }
    }
}

/// What a handler knows of the request beside its body.
#[derive(Clone)]
pub struct Context {
    /// The agent that serves it.
    pub agent: Arc<Agent>,
    /// In which version the request came, and the response goes.
    pub version: i16,
    /// What the client calls itself.
    pub client_id: Option<String>,
    /// Where the client is.
    pub peer: SocketAddr,
}

/// One request on its way to its handler.
pub struct Call {
    /// What the handler is told.
    pub context: Context,
    /// What identifies the response.
    pub header: RequestHeader,
    /// The undecoded body.
    pub body: Bytes,
    /// Leave to hold the body in memory, where its kind or size asks for it.
    pub permit: Option<Permit>,
}

/// What a connection does once a request is answered.
#[derive(Debug)]
pub enum Reply {
    /// Writes a whole frame.
    Response {
        /// The frame, to be written part after part.
        parts: Vec<Bytes>,
        /// An error in it, for the numbers; `NONE` too where the handler did not look for one.
        error: ErrorCode,
    },
    /// Writes nothing (Produce without acknowledgement).
    Silence,
    /// Closes.
    Close(Closing),
}

impl Reply {
    /// The same, with an error that is in the response.
    pub fn telling(self, error: ErrorCode) -> Self {
        match self {
            Self::Response { parts, .. } => Self::Response { parts, error },
            Self::Silence | Self::Close(_) => self,
        }
    }

    fn error(&self) -> ErrorCode {
        match self {
            Self::Response { error, .. } => *error,
            Self::Silence => ErrorCode::NONE,
            Self::Close(_) => ErrorCode::UNKNOWN_SERVER_ERROR,
        }
    }
}

/// Why a connection is closed in answer to a request.
#[derive(Debug, thiserror::Error)]
pub enum Closing {
    /// An API, or a version of it, that is not served; Kafka closes, too.
    #[error("{api} version {version} is not served")]
    Unsupported {
        /// The API.
        api: ApiKey,
        /// Its version.
        version: i16,
    },
    /// Not a request header of any API that we know.
    #[error("request header: {0}")]
    Header(DecodeError),
    /// Not a request of its API and version.
    #[error("malformed {api} request: {error}")]
    Body {
        /// The API.
        api: ApiKey,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// A Produce without acknowledgement failed: there is no other way to tell.
    #[error("produce without acknowledgement failed: {0}")]
    UnacknowledgedProduce(String),
    /// Our own answer cannot be written.
    #[error("response cannot be encoded: {0}")]
    Response(alluvium_wire::EncodeError),
}

/// What a frame turns out to be.
pub enum Route {
    /// A request for this handler.
    To(&'static Handler, Call),
    /// Answered without one.
    Answered(Reply),
}

/// Finds the handler of the request in `frame` (given without its length).
pub fn route(agent: &Arc<Agent>, peer: SocketAddr, frame: Bytes, permit: Option<Permit>) -> Route {
    let mut reader = Reader::new(frame.clone());
    let header = match RequestHeader::decode(&mut reader) {
        Ok(header) => header,
        Err(error) => return Route::Answered(Reply::Close(Closing::Header(error))),
    };
    let (api, version) = (header.api, header.version);
    match handlers::find(api) {
        Some(handler) if handler.versions.contains(&version) => {
            let body = frame.slice(frame.len() - reader.remaining()..);
            let context = Context { agent: Arc::clone(agent), version, client_id: header.client_id.clone(), peer };
            Route::To(handler, Call { context, header, body, permit })
        }
        Some(_) if api == ApiKey::ApiVersions => Route::Answered(handlers::answer_future_api_versions(&header)),
        Some(_) | None => Route::Answered(Reply::Close(Closing::Unsupported { api, version })),
    }
}

/// Decodes the body, lets `handle` answer, encodes what it says.
///
/// # Errors
/// Where the body is not a request of its API and version.
pub fn answer<Q, F>(call: Call, handle: fn(Context, Q) -> F) -> Started
where
    Q: Request,
    Q::Response: Send,
    F: Future<Output = Q::Response> + Send + 'static,
{
    let Call { context, header, body, permit } = call;
    let response = handle(context, decode(body, header.version)?);
    let reply = async move {
        let reply = respond(&header, &response.await);
        drop(permit);
        reply
    };
    Ok(Begun::alone(reply.boxed()))
}

/// Decodes a body. Bytes after it are ignored, as Kafka ignores them: its request context parses what the schema says and
/// never looks at what is left of the buffer. Clients rely on it (librdkafka sends some Metadata requests with three bytes
/// too many), so they must work here. (Tests and our own client read frames to their end: `alluvium_wire::frame`.)
///
/// # Errors
/// Where it is not such a message.
pub fn decode<Q: Message>(body: Bytes, version: i16) -> Result<Q, DecodeError> {
    Q::decode(&mut Reader::new(body), version)
}

/// The response frame to a request with this header.
pub fn respond<S: Message>(header: &RequestHeader, response: &S) -> Reply {
    respond_in(header.version, header, response)
}

/// The same in another version than that of the request.
pub fn respond_in<S: Message>(version: i16, header: &RequestHeader, response: &S) -> Reply {
    match frame::encode_response(version, header.correlation_id, response) {
        Ok(parts) => Reply::Response { parts, error: ErrorCode::NONE },
        Err(error) => Reply::Close(Closing::Response(error)),
    }
}
