//! The value of the row of a log start.
//!
//! ```text
//! value | version: 1 (1) | log start: 8 |
//! ```

use alluvium_model::Offset;

use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 1;

/// The value of the row of a log that starts at `start`.
pub(super) fn encode_start(start: Offset) -> Vec<u8> {
    RowWriter::new(VERSION).i64(start.0).finish()
}

/// Where the log starts whose row is `row`; without a row, at 0.
pub(super) fn decode_start(row: Option<&[u8]>) -> Result<Offset, RowError> {
    let Some(row) = row else { return Ok(Offset(0)) };
    let mut row = RowReader::new("log start", row, VERSION)?;
    let start = Offset(row.i64()?);
    if start < Offset(0) {
        return Err(row.malformed("log start"));
    }
    row.finish()?;
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::RowProblem;

    #[test]
    fn bytes_of_version_1_never_change() {
        let golden = b"\x01\0\0\0\0\0\0\x01\x2c";
        assert_eq!(encode_start(Offset(300)), golden);
        assert_eq!(decode_start(Some(golden)), Ok(Offset(300)));
        assert_eq!(decode_start(None), Ok(Offset(0)));
    }

    #[test]
    fn a_row_of_another_version_or_length_is_refused() {
        let problem = |row: &[u8]| decode_start(Some(row)).map_err(|error| error.problem);
        assert_eq!(problem(b"\x02\0\0\0\0\0\0\x01\x2c"), Err(RowProblem::UnknownVersion(2)));
        assert_eq!(problem(b"\x01\0"), Err(RowProblem::Short));
        assert_eq!(problem(b"\x01\0\0\0\0\0\0\x01\x2c\0"), Err(RowProblem::Long));
        assert_eq!(problem(b"\x01\xff\0\0\0\0\0\x01\x2c"), Err(RowProblem::Malformed("log start")));
    }
}
