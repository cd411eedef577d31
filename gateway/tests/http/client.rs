//! An HTTP client that writes raw requests, one at a time, each on a connection of its own.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const JSON: &str = "application/vnd.kafka.json.v2+json";
pub const BINARY: &str = "application/vnd.kafka.binary.v2+json";

/// A whole response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// Parses the bytes of a whole response.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Status, code and message of an error.
    pub fn error(&self) -> (u16, u64, String) {
        let json = self.json();
        (self.status, json["error_code"].as_u64().unwrap(), json["message"].as_str().unwrap().to_owned())
    }

    /// The media type of the body.
    pub fn content_type(&self) -> &str {
        let line = self.head.lines().find(|line| line.starts_with("content-type:")).unwrap_or_default();
        line.trim_start_matches("content-type:").trim()
    }
}

/// Requests `path` with GET.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, "GET", path, &[], "").await
}

/// Posts `body` with this content type.
pub async fn post(address: SocketAddr, path: &str, content_type: &str, body: &str) -> Answer {
    request(address, "POST", path, &[("Content-Type", content_type)], body).await
}

/// Sends one request with any method and headers, and reads the answer.
pub async fn request(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    write!(head, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    Answer::parse(&raw(address, head.as_bytes()).await)
}

/// Everything that comes back for `bytes`, until the server closes.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may have closed before all was written.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}
