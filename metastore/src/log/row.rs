//! The value of the head row.
//!
//! ```text
//! value | version: 2 (1) | next: 8 | stable: 8 | bytes of all extents ever appended: 8 | created: 8 |
//! ```

use alluvium_model::{Offset, Timestamp, log::Head};

use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 2;

/// The value of the row of `head`, without its log start.
pub(crate) fn encode_head(head: &Head) -> Vec<u8> {
    let Head { next, start: _, stable, appended, created } = head;
    RowWriter::new(VERSION).i64(next.0).i64(stable.0).u64(*appended).i64(created.0).finish()
}

/// The head of a row, of a log that starts at `start`.
pub(super) fn decode_head(row: &[u8], start: Offset) -> Result<Head, RowError> {
    let mut row = RowReader::new("head", row, VERSION)?;
    let (next, stable) = (Offset(row.i64()?), Offset(row.i64()?));
    let head = Head { next, start, stable, appended: row.u64()?, created: Timestamp(row.i64()?) };
    if start > next || stable > next || stable < Offset(0) {
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
        Head { next: Offset(300), start: Offset(2), stable: Offset(299), appended: 65_537, created: Timestamp(-1) };

    #[test]
    fn bytes_of_version_2_never_change() {
        let golden = b"\x02\0\0\0\0\0\0\x01\x2c\0\0\0\0\0\0\x01\x2b\0\0\0\0\0\x01\0\x01\
            \xff\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(encode_head(&HEAD), golden);
        assert_eq!(decode_head(golden, Offset(2)), Ok(HEAD));
    }

    #[test]
    fn a_row_of_another_version_or_length_is_refused() {
        let problem = |row: &[u8]| decode_head(row, Offset(2)).map_err(|error| error.problem);
        let mut row = encode_head(&HEAD);
        row.push(0);
        assert_eq!(problem(&row), Err(RowProblem::Long));
        row.truncate(12);
        assert_eq!(problem(&row), Err(RowProblem::Short));
        row[0] = 1;
        assert_eq!(problem(&row), Err(RowProblem::UnknownVersion(1)));
        assert_eq!(problem(&[]), Err(RowProblem::Short));
    }

    #[test]
    fn a_log_does_not_start_beyond_its_end() {
        let refused = decode_head(&encode_head(&HEAD), Offset(301)).map_err(|error| error.problem);
        assert_eq!(refused, Err(RowProblem::Malformed("offsets out of order")));
    }
}
