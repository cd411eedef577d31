//! One pipelined connection: requests are sent in call order, responses come back in the same order.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, IoSlice},
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

use alluvium_wire::{
    ApiKey, ErrorCode, Message, Reader, Request, Versions,
    frame::{self, LENGTH_BYTES},
    messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse},
};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    sync::{mpsc, oneshot},
};

use crate::{ClientError, Tcp, Transport};

/// Requests in flight; further ones wait in [`Connection::send`].
const IN_FLIGHT_MAX: usize = 128;
/// Parts of a request in one vectored write; the kernel's own limit is 1,024.
const WRITE_PARTS_MAX: usize = 64;
/// Bytes of one response: more than any fetch that this client requests.
const FRAME_BYTES_MAX: usize = 256 << 20;

/// A connection to one broker, with the versions that both sides speak. Clones share it.
#[derive(Clone)]
pub struct Connection {
    peer: Arc<str>,
    client_id: Arc<str>,
    versions: Arc<HashMap<ApiKey, i16>>,
    correlation: Arc<AtomicI32>,
    requests: mpsc::Sender<OutgoingRequest>,
}

struct OutgoingRequest {
    parts: Vec<Bytes>,
    /// `None` if the broker sends no response (Produce with acks=0).
    response: Option<oneshot::Sender<Bytes>>,
}

/// The response to a request in flight.
pub struct Pending<R> {
    peer: Arc<str>,
    version: i16,
    frame: oneshot::Receiver<Bytes>,
    /// The frame, once [`Pending::ready`] has received it; the inner `None` means that the connection ended.
    received: Option<Option<Bytes>>,
    kind: PhantomData<fn() -> R>,
}

impl Connection {
    /// Connects over TCP and negotiates versions.
    ///
    /// # Errors
    /// If nothing answers at the address, or not as a Kafka broker.
    pub async fn open(address: &str, client_id: &str) -> Result<Self, ClientError> {
        Self::dial(&Tcp, address, client_id).await
    }

    /// Connects over `transport` and negotiates versions.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn dial(transport: &dyn Transport, address: &str, client_id: &str) -> Result<Self, ClientError> {
        let connected = transport.connect(address).await;
        let stream = connected.map_err(|source| ClientError::Connect { address: address.into(), source })?;
        Self::over(stream, address, client_id).await
    }

    /// Uses `stream` as the connection and negotiates versions.
    ///
    /// # Errors
    /// If the peer does not answer as a Kafka broker.
    pub async fn over<S>(stream: S, peer: &str, client_id: &str) -> Result<Self, ClientError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (read, write) = tokio::io::split(stream);
        let (requests, outgoing) = mpsc::channel(IN_FLIGHT_MAX);
        let (expected, responses) = mpsc::channel(IN_FLIGHT_MAX);
        tokio::spawn(write_requests(write, outgoing, expected));
        tokio::spawn(read_responses(read, responses));
        let mut connection = Self {
            peer: peer.into(),
            client_id: client_id.into(),
            versions: Arc::default(),
            correlation: Arc::default(),
            requests,
        };
        connection.versions = Arc::new(connection.negotiate().await?);
        Ok(connection)
    }

    async fn negotiate(&self) -> Result<HashMap<ApiKey, i16>, ClientError> {
        let request = ApiVersionsRequest {
            client_software_name: "alluvium-client".into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
        };
        let newest = ApiKey::ApiVersions.versions().max;
        let pending = self.send_at(newest, &request).await?;
        let frame = pending.frame().await?;
        // A broker that does not support our version responds in version 0 (KIP-511).
        let is_unsupported = peek_error(&frame) == Some(ErrorCode::UNSUPPORTED_VERSION);
        let response: ApiVersionsResponse = decode(frame, if is_unsupported { 0 } else { newest })?;
        let response = if is_unsupported { self.send_at(0, &request).await?.response().await? } else { response };
        ClientError::check("api versions", response.error_code, None)?;
        let common = response.api_keys.iter().filter_map(|api| {
            let key = ApiKey::from_code(api.api_key)?;
            let version = newest_common(key.versions(), api.min_version, api.max_version)?;
            Some((key, version))
        });
        Ok(common.collect())
    }

    /// The newest version of `api` that both sides support.
    ///
    /// # Errors
    /// If there is none.
    pub fn version(&self, api: ApiKey) -> Result<i16, ClientError> {
        self.versions.get(&api).copied().ok_or(ClientError::NoCommonVersion(api))
    }

    /// Sends `request` at the newest common version. Its place in the order of requests is fixed when this returns.
    ///
    /// # Errors
    /// If it cannot be encoded, or the connection is closed.
    pub async fn send<R: Request>(&self, request: &R) -> Result<Pending<R::Response>, ClientError> {
        self.send_at(self.version(R::API)?, request).await
    }

    /// Sends `request` at the newest common version, but at most at `newest`.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub async fn send_up_to<R: Request>(&self, newest: i16, request: &R) -> Result<Pending<R::Response>, ClientError> {
        self.send_at(self.version(R::API)?.min(newest), request).await
    }

    /// Sends `request` at `version`.
    ///
    /// # Errors
    /// If it cannot be encoded, or the connection is closed.
    pub async fn send_at<R: Request>(&self, version: i16, request: &R) -> Result<Pending<R::Response>, ClientError> {
        let (response, frame) = oneshot::channel();
        self.enqueue(version, request, Some(response)).await?;
        Ok(Pending { peer: self.peer.clone(), version, frame, received: None, kind: PhantomData })
    }

    /// Sends `request`, to which the broker sends no response.
    ///
    /// # Errors
    /// If it cannot be encoded, or the connection is closed.
    pub async fn send_without_response<R: Request>(&self, request: &R) -> Result<(), ClientError> {
        self.enqueue(self.version(R::API)?, request, None).await
    }

    /// Sends `request` and waits for its response.
    ///
    /// # Errors
    /// As [`Connection::send`] and [`Pending::response`].
    pub async fn call<R: Request>(&self, request: &R) -> Result<R::Response, ClientError> {
        self.send(request).await?.response().await
    }

    async fn enqueue<R: Request>(
        &self,
        version: i16,
        request: &R,
        response: Option<oneshot::Sender<Bytes>>,
    ) -> Result<(), ClientError> {
        let correlation = self.correlation.fetch_add(1, Ordering::Relaxed);
        let parts = frame::encode_request(version, correlation, Some(&self.client_id), request)?;
        let closed = |_| ClientError::Closed(self.peer.to_string());
        self.requests.send(OutgoingRequest { parts, response }).await.map_err(closed)
    }
}

impl<R: Message> Pending<R> {
    /// Waits for the response.
    ///
    /// # Errors
    /// If the connection ends first, or the response cannot be decoded.
    pub async fn response(self) -> Result<R, ClientError> {
        let version = self.version;
        decode(self.frame().await?, version)
    }

    /// Waits until the response is there or the connection has ended. Cancel-safe: it may be dropped and called again.
    pub async fn ready(&mut self) {
        if self.received.is_none() {
            self.received = Some((&mut self.frame).await.ok());
        }
    }

    async fn frame(mut self) -> Result<Bytes, ClientError> {
        self.ready().await;
        self.received.flatten().ok_or_else(|| ClientError::Closed(self.peer.to_string()))
    }
}

fn decode<R: Message>(frame: Bytes, version: i16) -> Result<R, ClientError> {
    let mut reader = Reader::new(frame);
    frame::decode_response_header(&mut reader, R::API, version)?;
    Ok(frame::decode_response(reader, version)?)
}

/// The error code of an ApiVersions response: in every version it follows the correlation id.
fn peek_error(frame: &[u8]) -> Option<ErrorCode> {
    let code = frame.get(4..)?.first_chunk()?;
    Some(ErrorCode(i16::from_be_bytes(*code)))
}

fn newest_common(ours: Versions, min: i16, max: i16) -> Option<i16> {
    let newest = ours.max.min(max);
    (newest >= ours.min.max(min)).then_some(newest)
}

async fn write_requests(
    mut stream: impl AsyncWrite + Unpin,
    mut outgoing: mpsc::Receiver<OutgoingRequest>,
    expected: mpsc::Sender<oneshot::Sender<Bytes>>,
) {
    while let Some(OutgoingRequest { parts, response }) = outgoing.recv().await {
        if let Some(response) = response
            && expected.send(response).await.is_err()
        {
            return;
        }
        if write_parts(&mut stream, parts).await.is_err() {
            return;
        }
    }
    // All handles were dropped, so the peer need not wait for more requests. An error changes nothing.
    let _ = stream.shutdown().await;
}

/// Writes the parts without copying them, many per system call.
async fn write_parts(stream: &mut (impl AsyncWrite + Unpin), parts: Vec<Bytes>) -> io::Result<()> {
    let mut parts = VecDeque::from(parts);
    while !parts.is_empty() {
        let slices: Vec<IoSlice<'_>> = parts.iter().take(WRITE_PARTS_MAX).map(|part| IoSlice::new(part)).collect();
        let mut written = stream.write_vectored(&slices).await?;
        if written == 0 && slices.iter().any(|slice| !slice.is_empty()) {
            return Err(io::ErrorKind::WriteZero.into());
        }
        while let Some(part) = parts.front_mut() {
            let taken = part.len().min(written);
            part.advance(taken);
            written -= taken;
            if !part.is_empty() {
                break;
            }
            parts.pop_front();
        }
    }
    Ok(())
}

async fn read_responses(stream: impl AsyncRead + Unpin, mut responses: mpsc::Receiver<oneshot::Sender<Bytes>>) {
    let mut stream = BufReader::with_capacity(64 << 10, stream);
    loop {
        let Some(frame) = read_frame(&mut stream).await else { return };
        let Some(response) = responses.recv().await else { return };
        // An error only means that the caller stopped waiting.
        let _ = response.send(frame);
    }
}

async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> Option<Bytes> {
    let mut prefix = [0; LENGTH_BYTES];
    stream.read_exact(&mut prefix).await.ok()?;
    let length = frame::length(prefix, FRAME_BYTES_MAX).ok()?;
    let mut body = BytesMut::with_capacity(length);
    while body.len() < length {
        let missing = length - body.len();
        if stream.read_buf(&mut (&mut body).limit(missing)).await.ok()? == 0 {
            return None;
        }
    }
    Some(body.freeze())
}
