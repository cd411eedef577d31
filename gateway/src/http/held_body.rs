//! A body that holds memory, or a permit for it, until its last chunk is handed to the connection.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;

/// Bytes handed to the connection at once: few enough that a body's memory is released when most of it was sent, and
/// not before.
const CHUNK_BYTES: usize = 256 << 10;

/// The body `bytes`, which holds `held` until its last chunk is handed over. It does not know its length: the answer
/// needs a header that says it.
pub fn held_body(bytes: Bytes, held: impl Send + 'static) -> Body {
    let length = bytes.len();
    let chunks = stream::unfold((bytes, held, 0), move |(bytes, held, at)| async move {
        let end = (at + CHUNK_BYTES).min(length);
        let chunk = (at < end).then(|| bytes.slice(at..end))?;
        Some((Ok::<Bytes, Infallible>(chunk), (bytes, held, end)))
    });
    Body::from_stream(chunks)
}
