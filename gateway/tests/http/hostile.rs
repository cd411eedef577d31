//! Malformed and hostile requests.

use crate::client::{Answer, raw, request};
use crate::server::Server;

#[tokio::test]
async fn unknown_routes_and_methods_get_json_errors() {
    let server = Server::start().await;
    for path in ["/", "/topic", "/topics/a/b/c", "/healthz/", "/%00"] {
        let (status, code, message) = server.get(path).await.error();
        assert_eq!((status, code), (404, 404), "{path}: {message}");
    }
    let answer = request(server.address, "DELETE", "/topics/orders", &[], "").await;
    assert_eq!(answer.error(), (405, 405, "/topics/orders does not take this method".into()));
    assert_eq!(request(server.address, "BREW", "/healthz", &[], "").await.status, 405);
}

#[tokio::test]
async fn garbage_closes_only_its_own_connection() {
    let server = Server::start().await;
    let long = [b"GET /".as_slice(), &[b'a'; 1 << 20], b" HTTP/1.1\r\n\r\n"].concat();
    let many = [b"GET / HTTP/1.1\r\n".as_slice(), &b"a: b\r\n".repeat(100_000), b"\r\n"].concat();
    let kafka: &[u8] = &[0, 0, 0, 4, 0, 18, 0, 3, 13, 10, 13, 10];
    let garbage: [&[u8]; 6] = [b"\r\n\r\n\x00\xff\r\n\r\n", b"GET\r\n\r\n", kafka, &[0xff; 70_000], &long, &many];
    for bytes in garbage {
        let answer = raw(server.address, bytes).await;
        if !answer.is_empty() {
            let status = answer.split(|byte| *byte == b' ').nth(1).unwrap();
            assert!(status.starts_with(b"4"), "{}", String::from_utf8_lossy(&answer));
        }
    }
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_body_that_ends_early_releases_its_permit() {
    use tokio::io::AsyncWriteExt;
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    let room = server.agent.produce.admission().bytes_admitted();
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let head =
        "POST /topics/orders HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    assert_eq!(server.post_json("/topics/orders", r#"{"records":[{"value":1}]}"#).await.status, 200);
    while server.agent.produce.admission().bytes_admitted() > room {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.records("orders", 0).await.len(), 1);
}

#[tokio::test]
async fn an_invalid_content_length_is_rejected() {
    let server = Server::start().await;
    let head = "POST /topics/orders HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: ";
    for length in ["-1", "x", "99999999999999999999999"] {
        let answer = Answer::parse(&raw(server.address, format!("{head}{length}\r\n\r\n").as_bytes()).await);
        assert_eq!(answer.status, 400, "{answer:?}");
    }
}

#[tokio::test]
async fn a_deeply_nested_value_does_not_overflow_the_stack() {
    let server = Server::start().await;
    server.topic("orders", 1, &[]).await;
    let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
    let body = format!("{{\"value_schema\":{deep},\"records\":[{{\"value\":{deep}}}]}}");
    assert_eq!(server.post_json("/topics/orders", &body).await.status, 200);
    let answer = server.get("/topics/orders/partitions/0/records").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains(&deep));
}
