//! The rows that identify a store: its format version and its cluster id.
//!
//! ```text
//! key   | FORMAT |      value | version: 1 (1) | format version: 4 |
//! key   | CLUSTER |     value | version: 1 (1) | cluster id: text |
//! ```

use alluvium_model::limits;

use crate::keyspace::{Key, RowError, RowReader, RowWriter, Tag};

const VERSION: u8 = 1;
/// Bytes of the longest cluster id that is accepted; ours have 22.
const CLUSTER_ID_BYTES_MAX: usize = 64;
const _: () = assert!(CLUSTER_ID_BYTES_MAX < limits::METASTORE_VALUE_BYTES_MAX);

/// The key of the format version.
pub(super) fn format_key() -> Vec<u8> {
    Key::new(Tag::FORMAT).bytes()
}

/// The value of the row of the format version.
pub(super) fn encode_format(format: u32) -> Vec<u8> {
    RowWriter::new(VERSION).u32(format).finish()
}

/// The format version, and the bytes behind it: a newer program may have added fields there.
pub(super) fn decode_format(row: &[u8]) -> Result<(u32, RowReader<'_>), RowError> {
    let mut reader = RowReader::new("format", row, VERSION)?;
    Ok((reader.u32()?, reader))
}

/// The key of the cluster id.
pub(super) fn cluster_key() -> Vec<u8> {
    Key::new(Tag::CLUSTER).bytes()
}

/// The value of the row of the cluster id.
pub(super) fn encode_cluster(id: &str) -> Vec<u8> {
    RowWriter::new(VERSION).text(id).finish()
}

/// The cluster id.
pub(super) fn decode_cluster(row: &[u8]) -> Result<String, RowError> {
    let mut reader = RowReader::new("cluster", row, VERSION)?;
    let id = reader.text()?;
    if id.is_empty() || id.len() > CLUSTER_ID_BYTES_MAX {
        return Err(reader.malformed("cluster id"));
    }
    reader.finish()?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_version_1_never_change() {
        assert_eq!((format_key(), cluster_key()), (vec![1], vec![2]));
        assert_eq!(encode_format(1), b"\x01\0\0\0\x01");
        assert_eq!(decode_format(b"\x01\0\0\0\x01").unwrap().0, 1);
        assert_eq!(encode_cluster("id"), b"\x01\x01\x02id");
        assert_eq!(decode_cluster(b"\x01\x01\x02id"), Ok("id".to_owned()));
    }
}
