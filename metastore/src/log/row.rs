//! The value of the head row.
//!
//! ```text
//! value | version: 1 (1) | next: 8 | start: 8 | stable: 8 | bytes: 8 | earliest: 8 |
//! ```

use alluvium_model::{Offset, Timestamp, log::Head};

use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 1;

/// The value of the row of `head`.
pub(crate) fn encode_head(head: &Head) -> Vec<u8> {
    let Head { next, start, stable, bytes, earliest } = head;
    RowWriter::new(VERSION).i64(next.0).i64(start.0).i64(stable.0).u64(*bytes).i64(earliest.0).finish()
}

/// The head of a row.
pub(crate) fn decode_head(row: &[u8]) -> Result<Head, RowError> {
    let mut row = RowReader::new("head", row, VERSION)?;
    let (next, start, stable) = (Offset(row.i64()?), Offset(row.i64()?), Offset(row.i64()?));
    let head = Head { next, start, stable, bytes: row.u64()?, earliest: Timestamp(row.i64()?) };
    if start < Offset(0) || start > next || stable > next {
        return Err(row.malformed("offsets out of order"));
    }
    row.finish()?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::RowProblem;

    const HEAD: Head =
        Head { next: Offset(300), start: Offset(2), stable: Offset(299), bytes: 65_537, earliest: Timestamp(-1) };

    #[test]
    fn bytes_of_version_1_never_change() {
        let golden = b"\x01\0\0\0\0\0\0\x01\x2c\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x01\x2b\0\0\0\0\0\x01\0\x01\
            \xff\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(encode_head(&HEAD), golden);
        assert_eq!(decode_head(golden), Ok(HEAD));
    }

    #[test]
    fn a_row_of_another_version_or_length_is_refused() {
        let mut row = encode_head(&HEAD);
        row.push(0);
        assert_eq!(decode_head(&row).map_err(|e| e.problem), Err(RowProblem::Long));
        row.truncate(12);
        assert_eq!(decode_head(&row).map_err(|e| e.problem), Err(RowProblem::Short));
        row[0] = 2;
        assert_eq!(decode_head(&row).map_err(|e| e.problem), Err(RowProblem::UnknownVersion(2)));
        assert_eq!(decode_head(&[]).map_err(|e| e.problem), Err(RowProblem::Short));
    }
}
