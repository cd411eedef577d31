//! A client that sends raw frames. It waits no longer than [`TIMEOUT`]: a server that hangs fails the test.

use std::net::SocketAddr;
use std::time::Duration;

use alluvium_wire::frame::{decode_response, decode_response_header, encode_request};
use alluvium_wire::{ApiKey, Message, Reader, Request};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer takes on a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// One connection of a client.
pub struct Client {
    stream: TcpStream,
    client_id: &'static str,
    sent: i32,
}

impl Client {
    /// Connects to a server.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(TIMEOUT, TcpStream::connect(address)).await.unwrap().unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, client_id: "test", sent: 0 }
    }

    /// This client, with another client id.
    pub fn with_client_id(self, client_id: &'static str) -> Self {
        Self { client_id, ..self }
    }

    /// Sends a request and waits for its response.
    pub async fn call<Q: Request>(&mut self, version: i16, request: &Q) -> Q::Response {
        let correlation_id = self.send(version, request).await;
        let (answered, response) = self.receive::<Q::Response>(version).await;
        assert_eq!(answered, correlation_id);
        response
    }

    /// Sends a request and returns its correlation id.
    pub async fn send<Q: Request>(&mut self, version: i16, request: &Q) -> i32 {
        self.sent += 1;
        for part in encode_request(version, self.sent, Some(self.client_id), request).unwrap() {
            self.send_bytes(&part).await;
        }
        self.sent
    }

    /// The next response and its correlation id.
    pub async fn receive<S: Message>(&mut self, version: i16) -> (i32, S) {
        let mut reader = Reader::new(self.receive_frame().await.expect("a response, but the connection was closed"));
        let correlation_id = decode_response_header(&mut reader, S::API, version).unwrap();
        (correlation_id, decode_response(reader, version).unwrap())
    }

    /// Sends a frame of any API and version, with any bytes as its body.
    pub async fn send_frame(&mut self, api_key: i16, version: i16, correlation_id: i32, body: &[u8]) {
        self.send_bytes(&frame(api_key, version, correlation_id, body)).await;
    }

    /// Sends raw bytes, which the server must read.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        timeout(TIMEOUT, self.stream.write_all(bytes)).await.expect("the server reads").unwrap();
    }

    /// Sends bytes that the server may not read, closing the connection instead.
    pub async fn try_send(&mut self, bytes: &[u8]) {
        let _ = timeout(TIMEOUT, self.stream.write_all(bytes)).await.expect("the server reads or closes");
    }

    /// The next frame without its length prefix; `None` if the connection is closed.
    pub async fn receive_frame(&mut self) -> Option<Bytes> {
        timeout(TIMEOUT, async {
            let length = self.stream.read_i32().await.ok()?;
            let mut frame = vec![0; usize::try_from(length).expect("a length that is not negative")];
            self.stream.read_exact(&mut frame).await.ok()?;
            Some(frame.into())
        })
        .await
        .expect("the server neither answers nor closes")
    }

    /// Shuts down the sending side, and reads until the server closes.
    pub async fn finish(mut self) {
        let _ = self.stream.shutdown().await;
        let mut rest = Vec::new();
        // A reset counts as closed, too.
        let _ = timeout(TIMEOUT, self.stream.read_to_end(&mut rest)).await.expect("the server closes");
    }

    /// Whether the server closes the connection before it sends anything.
    pub async fn is_closed(&mut self) -> bool {
        self.receive_frame().await.is_none()
    }
}

/// A whole request frame of any API and version.
pub fn frame(api_key: i16, version: i16, correlation_id: i32, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend_from_slice(&(8 + body.len() as i32).to_be_bytes());
    frame.extend_from_slice(&api_key.to_be_bytes());
    frame.extend_from_slice(&version.to_be_bytes());
    frame.extend_from_slice(&correlation_id.to_be_bytes());
    frame.extend_from_slice(body);
    frame
}

/// The rest of a request header in version 1: a client id.
pub fn client_id() -> Vec<u8> {
    let mut bytes = 4_i16.to_be_bytes().to_vec();
    bytes.extend_from_slice(b"test");
    bytes
}

/// The key of an API, for raw frames.
pub fn code(api: ApiKey) -> i16 {
    api.code()
}
