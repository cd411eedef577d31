//! Metadata responses as they were encoded, so that thousands of clients that ask for the same thousands of partitions
//! cost one encoding for each change.
//!
//! Invariant: a response is found only as long as everything that it was made from is unchanged.

use std::sync::Arc;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::bounded_cache;
use crate::live_agents::AdvertisedAgents;

/// Memory of all responses and their keys, bytes: a response of 5,000 partitions has about 150 kB, and there is one for
/// each set of topics, version and zone in use.
const RESPONSES_BYTES_MAX: u64 = 32 << 20;
/// Requests longer than this are not kept: one that names thousands of topics.
const REQUEST_BYTES_MAX: usize = 16 << 10;
/// Responses shorter than this are not kept: encoding them again costs as little as finding them.
const RESPONSE_BYTES_MIN: usize = 4 << 10;
/// What an entry takes besides its bytes.
const ENTRY_BYTES: u64 = 500;

/// What a response answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResponseKey {
    /// The version of the request.
    pub version: i16,
    /// The zone that leaders are chosen for.
    pub zone: Option<String>,
    /// The body of the request.
    pub request: Bytes,
}

/// What a response was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseBasis {
    /// How often the cached topics had changed.
    pub topic_changes: u64,
    /// The agents that it names.
    pub agents: AdvertisedAgents,
}

/// The cache of responses.
pub struct EncodedResponses {
    cache: Cache<ResponseKey, Arc<EncodedResponse>, ResponseWeighter>,
}

struct EncodedResponse {
    basis: ResponseBasis,
    frame: Bytes,
}

#[derive(Clone, Debug)]
struct ResponseWeighter;

impl Weighter<ResponseKey, Arc<EncodedResponse>> for ResponseWeighter {
    fn weight(&self, key: &ResponseKey, response: &Arc<EncodedResponse>) -> u64 {
        let bytes = key.request.len() + key.zone.as_ref().map_or(0, String::len) + response.frame.len();
        bytes as u64 + ENTRY_BYTES
    }
}

impl Default for EncodedResponses {
    fn default() -> Self {
        let items = usize::try_from(RESPONSES_BYTES_MAX).unwrap_or(usize::MAX) / (RESPONSE_BYTES_MIN * 10);
        Self { cache: bounded_cache::by_weight(RESPONSES_BYTES_MAX, items, ResponseWeighter) }
    }
}

impl EncodedResponses {
    /// The response to `key`, if it was kept and was made from `basis`.
    #[must_use]
    pub fn find(&self, key: &ResponseKey, basis: &ResponseBasis) -> Option<Bytes> {
        self.cache.get(key).filter(|response| response.basis == *basis).map(|response| response.frame.clone())
    }

    /// Keeps the response to `key` if that is worth its memory. `frame`: as it is sent, in parts.
    pub fn keep(&self, key: &ResponseKey, basis: ResponseBasis, frame: &[Bytes]) {
        let frame_bytes: usize = frame.iter().map(Bytes::len).sum();
        if key.request.len() > REQUEST_BYTES_MAX || frame_bytes < RESPONSE_BYTES_MIN {
            return;
        }
        // The request is a part of a frame, which must not stay in memory for it.
        let key = ResponseKey { request: Bytes::copy_from_slice(&key.request), ..key.clone() };
        self.cache.insert(key, Arc::new(EncodedResponse { basis, frame: frame.concat().into() }));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use alluvium_metastore::nodes::Node;
    use alluvium_model::node::NodeState;

    use super::*;
    use crate::live_agents::LiveAgents;
    use crate::live_agents::tests::node;

    fn basis(topic_changes: u64, nodes: &[Node]) -> ResponseBasis {
        let agents = LiveAgents::new(Arc::new(nodes[0].clone()), nodes.into(), true, &BTreeSet::new()).advertised();
        ResponseBasis { topic_changes, agents }
    }

    fn key(version: i16, zone: Option<&str>, request: &[u8]) -> ResponseKey {
        ResponseKey { version, zone: zone.map(str::to_owned), request: Bytes::copy_from_slice(request) }
    }

    fn frame(byte: u8) -> Vec<Bytes> {
        vec![vec![byte; RESPONSE_BYTES_MIN].into(), vec![byte; 7].into()]
    }

    #[test]
    fn a_response_is_found_until_what_it_was_made_from_changes() {
        let responses = EncodedResponses::default();
        let one = [node(0, NodeState::Active, true)];
        let two = [node(0, NodeState::Active, true), node(1, NodeState::Active, true)];
        responses.keep(&key(12, None, b"all"), basis(1, &one), &frame(1));
        let found = |key, basis| responses.find(&key, &basis);
        assert_eq!(found(key(12, None, b"all"), basis(1, &one)), Some(frame(1).concat().into()));
        assert_eq!(found(key(12, None, b"all"), basis(2, &one)), None);
        assert_eq!(found(key(12, None, b"all"), basis(1, &two)), None);
        for other in [key(11, None, b"all"), key(12, Some("a"), b"all"), key(12, None, b"one")] {
            assert_eq!(found(other, basis(1, &one)), None);
        }
        // A heartbeat changes nothing that a client is told.
        let later = [Node { heartbeats: 9, ..one[0].clone() }];
        assert!(found(key(12, None, b"all"), basis(1, &later)).is_some());
        responses.keep(&key(12, None, b"all"), basis(2, &two), &frame(2));
        assert_eq!(found(key(12, None, b"all"), basis(2, &two)), Some(frame(2).concat().into()));
    }

    #[test]
    fn memory_is_bounded_whatever_clients_ask_for() {
        let responses = EncodedResponses::default();
        let basis = || basis(1, &[node(0, NodeState::Active, true)]);
        let large = vec![Bytes::from(vec![0; 100 << 10])];
        for number in 0..1_000u32 {
            responses.keep(&key(12, None, &number.to_be_bytes()), basis(), &large);
        }
        assert!(responses.cache.weight() <= RESPONSES_BYTES_MAX);
        responses.keep(&key(12, None, b"short"), basis(), &[Bytes::from_static(b"short")]);
        assert_eq!(responses.find(&key(12, None, b"short"), &basis()), None);
        let long = vec![0; REQUEST_BYTES_MAX + 1];
        responses.keep(&key(12, None, &long), basis(), &large);
        assert_eq!(responses.find(&key(12, None, &long), &basis()), None);
    }
}
