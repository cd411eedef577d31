//! Fetch sessions (KIP-227) over the wire.

use alluvium_wire::ErrorCode;
use alluvium_wire::frame::{encode_request, encode_response};
use alluvium_wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};

use crate::batches::records;
use crate::fetching::fetch;
use crate::producing::append;
use crate::server::Server;

/// A fetch within a session that changes nothing.
fn next(session_id: i32, session_epoch: i32) -> FetchRequest {
    FetchRequest { session_id, session_epoch, topics: Vec::new(), ..fetch("t", 0) }
}

fn outcome(response: &FetchResponse) -> (ErrorCode, i32) {
    (response.error_code, response.session_id)
}

#[tokio::test]
async fn a_session_belongs_to_its_connection_and_its_epochs_are_checked() {
    let server = Server::start().await;
    server.topic("t", 1, &[]).await;
    let (mut client, mut other) = (server.client().await, server.client().await);
    let without = FetchRequest { session_epoch: -1, ..fetch("t", 0) };
    assert_eq!(outcome(&client.call(12, &without).await), (ErrorCode::NONE, 0));
    let not_found = (ErrorCode::FETCH_SESSION_ID_NOT_FOUND, 0);
    assert_eq!(outcome(&client.call(12, &next(5, 1)).await), not_found);

    let opened = client.call(12, &FetchRequest { session_epoch: 0, ..fetch("t", 0) }).await;
    let id = opened.session_id;
    assert!(id > 0 && opened.error_code == ErrorCode::NONE);
    assert_eq!(outcome(&client.call(12, &next(id, 1)).await), (ErrorCode::NONE, id));
    assert_eq!(outcome(&client.call(12, &next(id, 1)).await), (ErrorCode::INVALID_FETCH_SESSION_EPOCH, 0));
    assert_eq!(outcome(&client.call(13, &next(id, 2)).await), (ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR, 0));
    assert_eq!(outcome(&other.call(12, &next(id, 2)).await), not_found);
    assert_eq!(outcome(&client.call(12, &next(id, 2)).await), (ErrorCode::NONE, id));

    let ended = FetchRequest { session_id: id, session_epoch: -1, ..fetch("t", 0) };
    assert_eq!(outcome(&client.call(12, &ended).await), (ErrorCode::NONE, 0));
    assert_eq!(outcome(&client.call(12, &next(id, 3)).await), not_found);
}

#[tokio::test]
async fn a_consumer_of_5_000_partitions_sends_and_gets_only_what_changed() {
    let server = Server::start().await;
    let topic_id = server.topic("t", 5_000, &[]).await;
    let (mut consumer, mut producer) = (server.client().await, server.client().await);
    for version in [12, 13, 18] {
        let of = |partition, fetch_offset| FetchPartition {
            partition,
            fetch_offset,
            partition_max_bytes: 1 << 20,
            ..Default::default()
        };
        let topic = |partitions| vec![FetchTopic { topic: "t".into(), topic_id, partitions }];
        let all = topic((0..5_000).map(|partition| of(partition, 0)).collect());
        let full = FetchRequest { session_epoch: 0, topics: all, ..fetch("t", 0) };
        let opened = consumer.call(version, &full).await;
        assert_eq!(opened.responses[0].partitions.len(), 5_000);
        let of_session = |epoch| next(opened.session_id, epoch);

        let before = opened.responses[0].partitions[7].high_watermark;
        producer.call(8, &append("t", 7, -1, records(2))).await;
        let news = consumer.call(version, &of_session(1)).await;
        let read: Vec<_> = news.responses.iter().flat_map(|topic| &topic.partitions).collect();
        let read_before = usize::from(before > 0);
        assert_eq!(read.len(), 1, "version {version}: {read_before}");
        assert_eq!((read[0].partition_index, read[0].high_watermark), (7, before + 2));
        assert!(!read[0].records.as_ref().unwrap().is_empty());

        let moved = FetchRequest { topics: topic(vec![of(7, before + 2)]), ..of_session(2) };
        let quiet = consumer.call(version, &moved).await;
        assert_eq!(quiet.responses, []);
        let size = |parts: Vec<bytes::Bytes>| parts.iter().map(bytes::Bytes::len).sum::<usize>();
        let request_bytes = |request| size(encode_request(version, 1, None, request).unwrap());
        assert!(request_bytes(&full) > 100_000 && request_bytes(&of_session(3)) < 100);
        assert!(size(encode_response(version, 1, &quiet).unwrap()) < 100);
    }
}
