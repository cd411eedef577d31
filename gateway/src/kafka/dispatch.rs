//! Finds the handler of a request frame.

use std::net::SocketAddr;
use std::sync::Arc;

use alluvium_runtime::TaskPriority;
use alluvium_wire::frame::RequestHeader;
use alluvium_wire::{ApiKey, Reader};
use bytes::Bytes;

use super::answer_window::AnswerWindow;
use super::fetch_session::ConnectionSession;
use super::handler::{Call, CloseReason, Context, Handler, Reply};
use super::handlers::{self, HANDLERS};
use crate::agent::Agent;
use crate::pause_watch::Began;
use crate::produce::Permit;

/// Where a request frame goes.
pub enum Route {
    /// To this handler.
    Handler(&'static Handler, Call),
    /// Answered without a handler.
    Answered(Reply),
}

/// The connection that a request came from.
pub struct Origin {
    /// The address of the client.
    pub peer: SocketAddr,
    /// Its fetch session.
    pub fetch_session: Arc<ConnectionSession>,
    /// How large its next answer may be.
    pub answer_window: Arc<AnswerWindow>,
    /// When it connected.
    pub began: Began,
    /// The priority of the task that serves it.
    pub priority: TaskPriority,
}

/// Finds the handler of the request in `frame` (without its length prefix).
pub fn route(agent: &Arc<Agent>, origin: &Origin, frame: Bytes, permit: Option<Permit>) -> Route {
    let mut reader = Reader::new(frame.clone());
    let header = match RequestHeader::decode(&mut reader) {
        Ok(header) => header,
        Err(error) => return Route::Answered(Reply::Close(CloseReason::Header(error))),
    };
    let (api, version) = (header.api, header.version);
    match find(api) {
        Some(handler) if handler.versions.contains(&version) => {
            let body = frame.slice(frame.len() - reader.remaining()..);
            let (agent, client_id, apis) = (Arc::clone(agent), header.client_id.clone(), HANDLERS);
            let (peer, fetch_session) = (origin.peer, Arc::clone(&origin.fetch_session));
            let (answer_window, priority) = (Arc::clone(&origin.answer_window), origin.priority.clone());
            let context = Context { agent, version, client_id, peer, fetch_session, answer_window, priority, apis };
            Route::Handler(handler, Call { context, header, body, permit })
        }
        Some(_) if api == ApiKey::ApiVersions => Route::Answered(handlers::answer_future_api_versions(&header)),
        Some(_) | None => Route::Answered(Reply::Close(CloseReason::Unsupported { api, version })),
    }
}

fn find(api: ApiKey) -> Option<&'static Handler> {
    HANDLERS.binary_search_by_key(&api, |handler| handler.api).ok().map(|at| HANDLERS[at])
}
