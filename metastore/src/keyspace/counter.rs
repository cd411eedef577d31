//! Counters: rows that are only changed by atomic additions, which never conflict with each other.

use super::error::{RowError, RowProblem};

/// The number that a counter holds: eight bytes, little-endian, because the store adds to them itself. `row` names it
/// in errors. A counter that nothing was ever added to has no row: it is 0.
pub(crate) fn decode_counter(row: &'static str, value: Option<&[u8]>) -> Result<i64, RowError> {
    let Some(value) = value else { return Ok(0) };
    let bytes = value.try_into().map_err(|_| RowError { row, problem: RowProblem::Malformed("counter") })?;
    #[expect(clippy::little_endian_bytes, reason = "FoundationDB's ADD defines the order")]
    Ok(i64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_eight_bytes_or_missing() {
        assert_eq!(decode_counter("test", None), Ok(0));
        assert_eq!(decode_counter("test", Some(&[1, 1, 0, 0, 0, 0, 0, 0])), Ok(257));
        assert_eq!(decode_counter("test", Some(&[0xff; 8])), Ok(-1));
        assert!(decode_counter("test", Some(&[0; 7])).is_err());
    }
}
