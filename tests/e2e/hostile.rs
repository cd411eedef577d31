//! Hostile input to the listeners of the real binary: it survives and serves other clients.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use rskafka::client::partition::Compression;

use crate::{
    records::{connect, read_all, record, topic},
    server::Server,
};

/// A listener must answer or close the connection by then.
const ANSWER_DEADLINE: Duration = Duration::from_secs(120);
/// Connections that announce a large frame.
const ANNOUNCED: usize = 20;
/// Connections that begin a request and then send nothing.
const HALF_OPEN: usize = 500;
/// An ApiVersions v0 request without its length.
const API_VERSIONS: &[u8] = b"\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff";

/// Sends `bytes` and returns what comes back until the peer closes the connection.
fn send(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(ANSWER_DEADLINE)).expect("a socket option");
    // The peer may close the connection before all is written.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("neither answered nor hung up: {error}"),
    }
    answer
}

fn framed(length: i32, body: &[u8]) -> Vec<u8> {
    [&length.to_be_bytes()[..], body].concat()
}

/// Resident memory of the process, KiB.
fn resident_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("resident memory");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number")
}

async fn serves(server: &Server) {
    let client = connect(server).await;
    let log = client.partition_client("others", 0, rskafka::client::partition::UnknownTopicHandling::Retry);
    let log = log.await.expect("it is there");
    let offsets = log.produce(vec![record(1)], Compression::Lz4).await.expect("produced");
    assert_eq!(read_all(&log, offsets[0]).await, [(offsets[0], record(1))]);
    assert!(server.is_ready());
    assert!(!server.logged().contains("panicked"), "{}", server.logged());
}

async fn server() -> Server {
    let server = Server::start(&["--unflushed-bytes", "500MiB"]);
    topic(&connect(&server).await, "others", 1).await;
    server
}

#[tokio::test]
async fn garbage_on_the_kafka_port_is_hung_up_on() {
    let server = server().await;
    let cases: [&[u8]; 7] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage that begins as TLS",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        &framed(4, b"\x00\x00"),
        &framed(0, b""),
        &framed(10, &[0xee; 10]),
        &framed(14, b"\x00\x00\x00\x09\x00\x00\x00\x01\x00\x04oops"),
    ];
    for bytes in cases {
        let mut stream = TcpStream::connect(server.address()).expect("it listens");
        stream.set_read_timeout(Some(ANSWER_DEADLINE)).expect("a socket option");
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() < 100, "{bytes:?} is answered with {} bytes", answer.len());
    }
    serves(&server).await;
}

#[tokio::test]
async fn a_length_of_two_gigabytes_is_hung_up_on_without_room_being_made_for_it() {
    let server = server().await;
    let before = resident_kib(&server);
    for length in [i32::MAX, 1 << 30, (100 << 20) + 1, -1, i32::MIN] {
        assert_eq!(send(&server.address(), &framed(length, API_VERSIONS)), b"", "{length}");
    }
    // Many connections announce the largest allowed frame, together more than may be in memory, and then send nothing.
    let announced: Vec<TcpStream> = (0..ANNOUNCED)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).expect("it listens");
            stream.write_all(&framed(100 << 20, API_VERSIONS)).expect("taken");
            stream
        })
        .collect();
    serves(&server).await;
    let grown = resident_kib(&server).saturating_sub(before);
    assert!(grown < 200 << 10, "{} announced frames take {grown} KiB", announced.len());
}

#[tokio::test]
async fn half_open_connections_take_nothing_from_the_others() {
    let server = server().await;
    let mut open = Vec::new();
    for number in 0..HALF_OPEN {
        let (address, bytes): (_, &[u8]) = match number % 5 {
            0 => (server.address(), b""),
            1 => (server.address(), b"\x00\x00"),
            2 => (server.address(), &framed(20, API_VERSIONS)),
            3 => (server.http_address(), b"GET /readyz HT"),
            _ => (server.http_address(), b"POST /topics/others HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"),
        };
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.write_all(bytes).expect("taken");
        open.push(stream);
    }
    serves(&server).await;
    drop(open);
    serves(&server).await;
}

#[tokio::test]
async fn garbage_on_the_http_port_is_refused() {
    let server = server().await;
    let cases: [&[u8]; 5] = [
        b"\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET /\x01\x02 HTTP/9.9\r\n\r\n",
        b"POST /topics/others HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /topics/others HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2147483647\r\n\r\n{}",
    ];
    for bytes in cases {
        let answer = String::from_utf8_lossy(&send(&server.http_address(), bytes)).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let long = [b"GET /", [b'a'; 1 << 20].as_slice(), b" HTTP/1.1\r\n\r\n"].concat();
    let answer = String::from_utf8_lossy(&send(&server.http_address(), &long)).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    serves(&server).await;
}
