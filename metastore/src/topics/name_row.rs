//! The value of the name index: which topic has a name, and the name as it is spelled.
//!
//! ```text
//! value | version: 1 (1) | topic: 16 | name: text |
//! ```

use alluvium_model::TopicId;
use uuid::Uuid;

use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 1;

/// The value for topic `id`, which is called `name`.
pub(super) fn encode_name(id: TopicId, name: &str) -> Vec<u8> {
    RowWriter::new(VERSION).raw(id.0.as_bytes()).text(name).finish()
}

/// The topic that the row names, and its name.
pub(super) fn decode_name(row: &[u8]) -> Result<(TopicId, String), RowError> {
    let mut row = RowReader::new("topic name", row, VERSION)?;
    let (id, name) = (TopicId(Uuid::from_bytes(row.array()?)), row.text()?);
    row.finish()?;
    Ok((id, name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_of_version_1_never_change() {
        let id = TopicId(Uuid::from_bytes(*b"topictopictopic0"));
        let golden = b"\x01topictopictopic0\x01\x03a.b";
        assert_eq!(encode_name(id, "a.b"), golden);
        assert_eq!(decode_name(golden), Ok((id, "a.b".into())));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_name_or_an_error(mut row: Vec<u8>) {
            row.insert(0, VERSION);
            let _ = decode_name(&row);
        }
    }
}
