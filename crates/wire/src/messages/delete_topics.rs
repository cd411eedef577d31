//! DeleteTopics (20): deletes topics by name (up to version 5), or by name or id (from version 6).

use uuid::Uuid;

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request DeleteTopicsRequest of DeleteTopics {
        topics: Vec<DeleteTopicState> [in 6..],
        topic_names: Vec<String> [in ..=5],
        timeout_ms: i32,
    }

    struct DeleteTopicState {
        /// Null if the topic is named by id.
        name: Option<String> [null ..],
        topic_id: Uuid,
    }

    response DeleteTopicsResponse of DeleteTopics {
        throttle_time_ms: i32,
        responses: Vec<DeletableTopicResult>,
    }

    struct DeletableTopicResult {
        name: Option<String> [null 6..] = Some(String::new()),
        topic_id: Uuid [in 6..],
        error_code: ErrorCode,
        error_message: Option<String> [in 5.., null ..],
    }
}
