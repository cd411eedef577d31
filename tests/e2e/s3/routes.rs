//! Requests, as S3 answers them in path style.

use std::{ops::Range, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, DefaultBodyLimit, Query, State},
    http::{
        HeaderMap, Method, StatusCode, Uri,
        header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_NONE_MATCH, LAST_MODIFIED, RANGE},
    },
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};

use super::{
    BUCKET,
    bucket::{Bucket, Object},
    fault::{Fault, Faults, RequestKind},
    line::Cut,
};

/// Pieces of a body that comes slowly.
const PIECES: usize = 8;

pub struct S3State {
    pub bucket: Bucket,
    pub faults: Faults,
}

type Parameters = std::collections::HashMap<String, String>;

pub fn routes(state: Arc<S3State>) -> Router {
    Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(state)
}

async fn answer(
    State(state): State<Arc<S3State>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    Query(parameters): Query<Parameters>,
    body: Bytes,
) -> Response {
    let path = uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if bucket != BUCKET {
        return failure(404, "NoSuchBucket");
    }
    let Some(kind) = request_kind(&method, key, &parameters) else { return failure(501, "NotImplemented") };
    let fault = state.faults.pick(kind, key);
    let headers = if matches!(fault, Some(Fault::Headless)) { HeaderMap::new() } else { headers };
    let done = || done(&state.bucket, kind, key, &headers, &parameters, &body);
    match fault {
        None | Some(Fault::Headless) => done(),
        Some(Fault::Ignored) => StatusCode::NO_CONTENT.into_response(),
        Some(Fault::Status(status, code)) => failure(status, code),
        Some(Fault::Hang) => {
            state.faults.healed().await;
            cut.now();
            failure(500, "InternalError")
        }
        Some(Fault::DoneThenReset) => {
            cut.now();
            done()
        }
        Some(Fault::Late(delay)) => {
            tokio::time::sleep(delay).await;
            done()
        }
        Some(Fault::ShortBody) => in_pieces(done(), PIECES / 2, Duration::ZERO).await,
        Some(Fault::SlowBody(pause)) => in_pieces(done(), PIECES, pause).await,
    }
}

fn request_kind(method: &Method, key: &str, parameters: &Parameters) -> Option<RequestKind> {
    let is_on_bucket = key.is_empty();
    match method.as_str() {
        "PUT" if !is_on_bucket => Some(RequestKind::Put),
        "GET" | "HEAD" if !is_on_bucket => Some(RequestKind::Get),
        "DELETE" if !is_on_bucket => Some(RequestKind::Delete),
        "POST" if is_on_bucket && parameters.contains_key("delete") => Some(RequestKind::Delete),
        "GET" if is_on_bucket && parameters.get("list-type").is_some_and(|kind| kind == "2") => Some(RequestKind::List),
        "GET" if is_on_bucket && setting(parameters).is_some() => Some(RequestKind::Setting),
        _ => None,
    }
}

/// Names of settings, and the code that says that one is not set.
const SETTINGS: [(&str, &str); 3] = [
    ("lifecycle", "NoSuchLifecycleConfiguration"),
    ("versioning", "NoSuchVersioning"),
    ("object-lock", "ObjectLockConfigurationNotFoundError"),
];

fn setting(parameters: &Parameters) -> Option<(&'static str, &'static str)> {
    SETTINGS.into_iter().find(|(name, _)| parameters.contains_key(*name))
}

fn done(
    bucket: &Bucket,
    kind: RequestKind,
    key: &str,
    headers: &HeaderMap,
    parameters: &Parameters,
    body: &Bytes,
) -> Response {
    let parameter = |name: &str| parameters.get(name).map_or("", String::as_str);
    match kind {
        RequestKind::Put if headers.contains_key(IF_NONE_MATCH) && bucket.get(key).is_some() => {
            failure(412, "PreconditionFailed")
        }
        RequestKind::Put => {
            bucket.put(key, body.clone());
            [(ETAG, "\"etag\"")].into_response()
        }
        RequestKind::Get => match bucket.get(key) {
            Some(object) => get(&object, headers),
            None => failure(404, "NoSuchKey"),
        },
        RequestKind::Delete if key.is_empty() => {
            let listed = String::from_utf8_lossy(body).into_owned();
            let keys = listed.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
            let answers = keys.map(|(key, _)| {
                bucket.delete(key);
                format!("<Deleted><Key>{key}</Key></Deleted>")
            });
            format!("<DeleteResult>{}</DeleteResult>", answers.collect::<String>()).into_response()
        }
        RequestKind::Delete => {
            bucket.delete(key);
            StatusCode::NO_CONTENT.into_response()
        }
        RequestKind::Setting => {
            let (name, absent) = setting(parameters).expect("a setting was requested");
            bucket.setting(name).map_or_else(|| failure(404, absent), IntoResponse::into_response)
        }
        RequestKind::List => bucket
            .page(parameter("prefix"), parameter("continuation-token").max(parameter("start-after")))
            .into_response(),
    }
}

fn get(object: &Object, headers: &HeaderMap) -> Response {
    let size = object.bytes.len();
    let modified = object.modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let common = [(ETAG, "\"etag\"".to_owned()), (LAST_MODIFIED, modified)];
    match headers.get(RANGE).map(|range| range.to_str().ok().and_then(|range| parse_range(range, size))) {
        None => (common, object.bytes.clone()).into_response(),
        Some(None) => failure(416, "InvalidRange"),
        Some(Some(range)) => {
            let of = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            (StatusCode::PARTIAL_CONTENT, common, [(CONTENT_RANGE, of)], object.bytes.slice(range)).into_response()
        }
    }
}

/// Parses `bytes=first-last`, `bytes=first-` and `bytes=-count`; `None` if the range has nothing of the object.
fn parse_range(text: &str, size: usize) -> Option<Range<usize>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => first..(last + 1).min(size),
        (Ok(first), Err(_)) => first..size,
        (Err(_), Ok(count)) => size.saturating_sub(count)..size,
        (Err(_), Err(_)) => return None,
    };
    (range.start < range.end).then_some(range)
}

fn failure(status: u16, code: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, format!("<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>")).into_response()
}

/// The same answer, its body in [`PIECES`] of which only the first `count` come; then the connection breaks.
async fn in_pieces(answer: Response, count: usize, pause: Duration) -> Response {
    let (mut head, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body in memory");
    head.headers.insert(CONTENT_LENGTH, bytes.len().into());
    let size = bytes.len().div_ceil(PIECES).max(1);
    let pieces: Vec<Bytes> = bytes.chunks(size).map(|piece| bytes.slice_ref(piece)).collect();
    let whole = count >= pieces.len();
    let come = pieces.into_iter().take(count).map(Ok);
    let broken = (!whole).then(|| Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
    let body = stream::iter(come.chain(broken)).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        piece
    });
    Response::from_parts(head, Body::from_stream(body))
}
