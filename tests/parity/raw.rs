//! Bytes that our own client would not send: what comes back, and whether the connection stays open.

use std::fmt::Debug;

use alluvium_wire::{
    ApiKey, Reader, Request,
    frame::{self, decode_response, decode_response_header, encode_request},
    messages::{api_versions::ApiVersionsRequest, heartbeat::HeartbeatRequest, list_groups::ListGroupsRequest},
};
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    comparison::{Intended, compare, intended},
    side::{ANSWER_TIMEOUT, Side, metadata_of},
};

/// The correlation id of the request whose answer shows that a connection is still open.
const PROBE: i32 = 7_777;
const ANSWER_BYTES_MAX: usize = 16 << 20;

const STRICTER: &str = "no client sends such lengths, or names that are no text; Kafka reads null, or replaces letters";
const MALFORMED: &[Intended] = &[
    intended("client id of negative length", STRICTER),
    intended("array of negative length", STRICTER),
    intended("name that is no text", STRICTER),
];

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn malformed_requests_are_met_as_in_kafka() {
    compare(malformed, MALFORMED).await;
}

async fn malformed(side: &mut Side) {
    let none: &[u8] = &[];
    for (case, bytes) in [
        ("nothing", none),
        ("an empty frame", &[0, 0, 0, 0]),
        ("a frame of one byte", &[0, 0, 0, 1, 0]),
        ("a negative length", &[0xff, 0xff, 0xff, 0xff]),
        ("the most negative length", &[0x80, 0, 0, 0]),
        ("two gigabytes", &[0x7f, 0xff, 0xff, 0xff]),
        ("beyond the largest request", &[0x06, 0x40, 0, 1]),
        ("http", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ] {
        side.raw(case, bytes).await;
    }
    for (case, key, version) in [
        ("unknown api", 999, 0),
        ("negative api", -1, 0),
        ("api of brokers", 4, 0),
        ("metadata from the future", 3, 99),
        ("metadata of a negative version", 3, -1),
        ("produce 2", 0, 2),
        ("fetch 3", 1, 3),
        ("list offsets 0", 2, 0),
        ("heartbeat 5", 12, 5),
        ("api versions 5", 18, 5),
        ("api versions 99", 18, 99),
        ("api versions -1", 18, -1),
    ] {
        side.raw(case, &headed(key, version, b"\xff\xff\x00")).await;
    }
    let largest_array = [&headed(3, 1, b"\xff\xff\x7f\xff\xff\xff")[4..]].concat();
    for (case, frame) in [
        ("no client id at all", &headed(3, 1, b"")[4..]),
        ("client id cut short", &headed(3, 1, b"\x00\x05ab")[4..]),
        ("client id of negative length", &headed(3, 1, b"\xff\xfe\x00\x00\x00\x00")[4..]),
        ("client id that is no text", &headed(3, 1, b"\x00\x01\xff\x00\x00\x00\x00")[4..]),
        ("no body", &headed(3, 1, b"\xff\xff")[4..]),
        ("body cut short", &headed(3, 1, b"\xff\xff\x00\x00")[4..]),
        ("array of two billion", &largest_array),
        ("array of negative length", &headed(3, 1, b"\xff\xff\xff\xff\xff\xfe")[4..]),
        ("name of negative length", &headed(3, 1, b"\xff\xff\x00\x00\x00\x01\xff\xfe")[4..]),
        ("null name", &headed(3, 1, b"\xff\xff\x00\x00\x00\x01\xff\xff")[4..]),
        ("name that is no text", &headed(3, 1, b"\xff\xff\x00\x00\x00\x01\x00\x02\xc3\x28")[4..]),
        ("null array", &headed(3, 0, b"\xff\xff\xff\xff\xff\xff")[4..]),
        ("compact array cut short", &headed(3, 9, b"\xff\xff\x00\x05")[4..]),
        ("compact null name", &headed(3, 9, b"\xff\xff\x00\x02\x00\x00\x00\x00\x00\x00")[4..]),
        ("endless varint", &headed(3, 9, b"\xff\xff\x00\xff\xff\xff\xff\xff\xff")[4..]),
        ("no tagged fields in the header", &headed(3, 9, b"\xff\xff")[4..]),
        ("unknown tag in the header", &headed(3, 9, b"\xff\xff\x01\x63\x01\x00\x01\x00\x00\x00\x00")[4..]),
        ("unknown tag in the body", &headed(3, 9, b"\xff\xff\x00\x01\x00\x00\x00\x01\x63\x01\x00")[4..]),
        ("tags out of order", &headed(3, 9, b"\xff\xff\x00\x01\x00\x00\x00\x02\x63\x01\x00\x62\x01\x00")[4..]),
        ("tag twice", &headed(3, 9, b"\xff\xff\x00\x01\x00\x00\x00\x02\x63\x01\x00\x63\x01\x00")[4..]),
        ("null group", &headed(12, 0, b"\xff\xff\xff\xff\x00\x00\x00\x01\x00\x01m")[4..]),
        ("boolean of two", &headed(3, 4, b"\xff\xff\x00\x00\x00\x00\x02")[4..]),
    ] {
        side.raw(case, &framed(frame)).await;
    }
    side.topic("topic", 1, &[]).await;
    let name = side.name("topic");
    side.padded("metadata and more", &metadata_of(&name), b"more").await;
    let group = HeartbeatRequest { group_id: name, ..Default::default() };
    side.padded("heartbeat and more", &group, &[0; 9]).await;
    side.raw("three at once", &[listing(1), listing(2), listing(3)].concat()).await;
}

/// A frame whose header has the correlation id 1.
fn headed(key: i16, version: i16, rest: &[u8]) -> Vec<u8> {
    framed(&[&key.to_be_bytes()[..], &version.to_be_bytes(), &1_i32.to_be_bytes(), rest].concat())
}

fn framed(content: &[u8]) -> Vec<u8> {
    let length = i32::try_from(content.len()).expect("short");
    [&length.to_be_bytes()[..], content].concat()
}

fn listing(correlation: i32) -> Vec<u8> {
    encode_request(3, correlation, None, &ListGroupsRequest::default()).expect("it can be written").concat()
}

impl Side {
    /// Sends `bytes`, then asks for versions, and notes whose answers come.
    pub async fn raw(&mut self, case: &str, bytes: &[u8]) {
        let said = converse(&self.address, bytes).await;
        self.note(case, ApiKey::ApiVersions, 0, &said);
    }

    /// Sends a request that may have no answer, in every version.
    pub async fn unanswered<R: Request>(&mut self, case: &str, request: &R) {
        for version in self.versions(R::API) {
            let bytes = encode_request(version, 1, None, request).expect("it can be written").concat();
            let said = converse(&self.address, &bytes).await;
            self.note(case, R::API, version, &said);
        }
    }

    /// Sends `request` with bytes after its body, in every version.
    async fn padded<R: Request>(&mut self, case: &str, request: &R, padding: &[u8])
    where
        R::Response: Debug,
    {
        for version in self.versions(R::API) {
            let bytes = encode_request(version, 1, None, request).expect("it can be written").concat();
            let mut stream = TcpStream::connect(&self.address).await.expect("a server");
            let whole = framed(&[&bytes[4..], padding].concat());
            stream.write_all(&whole).await.expect("a server reads");
            let said = match receive(&mut stream).await {
                Some(answer) => format!("{:#?}", decoded::<R>(answer, version)),
                None => "connection: closed".into(),
            };
            self.note(case, R::API, version, &said);
        }
    }
}

fn decoded<R: Request>(answer: Bytes, version: i16) -> R::Response {
    let mut reader = Reader::new(answer);
    decode_response_header(&mut reader, R::API, version).expect("a header");
    decode_response(reader, version).expect("an answer")
}

/// The answers that come, by their correlation ids and lengths, and how the connection ends.
async fn converse(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a server");
    let probe = encode_request(0, PROBE, None, &ApiVersionsRequest::default()).expect("it can be written").concat();
    // A server may close the connection while we write.
    let _ = stream.write_all(&[bytes, &probe].concat()).await;
    let (mut said, mut number) = (String::new(), 0);
    loop {
        match timeout(ANSWER_TIMEOUT, receive(&mut stream)).await {
            Err(_) => return said + "end: silent",
            Ok(None) => return said + "end: closed",
            Ok(Some(answer)) => match answer.first_chunk().map(|id| i32::from_be_bytes(*id)) {
                Some(PROBE) => return said + "end: open",
                id => {
                    number += 1;
                    said.push_str(&format!("answer_{number}: {id:?}\n"));
                }
            },
        }
    }
}

/// The next frame; `None` if the connection has ended.
async fn receive(stream: &mut TcpStream) -> Option<Bytes> {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).await.ok()?;
    let mut body = vec![0; frame::length(prefix, ANSWER_BYTES_MAX).expect("a length")];
    stream.read_exact(&mut body).await.ok()?;
    Some(body.into())
}
