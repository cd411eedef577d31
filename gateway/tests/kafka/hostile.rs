//! Arbitrary bytes get a response or a closed connection: never a panic, never a hang.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use alluvium_wire::ApiKey;
use alluvium_wire::messages::api_versions::ApiVersionsRequest;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::client::{client_id, frame};
use crate::server::Server;

/// Panics of this process, wherever they were caught.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// One agent for all cases: it must survive the effects of all earlier ones.
static SHARED: LazyLock<(Runtime, Server)> = LazyLock::new(|| {
    // From outside, a task that panics looks like a closed connection.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        report(panic);
    }));
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    (runtime, server)
});

fn survives(send: impl AsyncFnOnce(&mut crate::client::Client)) {
    let (runtime, server) = &*SHARED;
    runtime.block_on(async {
        let mut client = server.client().await;
        send(&mut client).await;
        client.finish().await;
        let mut other = server.client().await;
        other.call(0, &ApiVersionsRequest::default()).await;
    });
    assert_eq!(PANICS.swap(0, Ordering::SeqCst), 0, "a task has panicked");
}

fn any_api() -> impl Strategy<Value = i16> {
    prop_oneof![4 => proptest::sample::select(ApiKey::ALL).prop_map(ApiKey::code), 1 => any::<i16>()]
}

/// Bytes that resemble the fields of messages, so that decoders get past the first one.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(vec![0]),
        Just(vec![1]),
        Just(vec![0xff]),
        Just(vec![0, 0, 0, 1]),
        Just(vec![0xff, 0xff, 0xff, 0xff]),
        Just(vec![0x7f, 0xff, 0xff, 0xff]),
        Just(vec![0, 1, b't']),
        any::<u8>().prop_map(|byte| vec![byte]),
        any::<i64>().prop_map(|number| number.to_be_bytes().to_vec()),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        survives(async |client| client.try_send(&bytes).await);
    }

    #[test]
    fn any_frames_are_survived(
        frames in proptest::collection::vec((any_api(), -1..20_i16, body(), any::<bool>()), 1..6),
    ) {
        survives(async |client| {
            for (api, version, body, with_header) in &frames {
                let rest = if *with_header { [client_id(), body.clone()].concat() } else { body.clone() };
                client.try_send(&frame(*api, *version, 1, &rest)).await;
            }
        });
    }
}
