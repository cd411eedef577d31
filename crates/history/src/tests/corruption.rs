//! Damaged and hostile bytes: an error, never a panic, never a wrong record.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::fixtures::*;
use crate::{HistoryFile, HistoryRecord, ReadError, footer, writer};

fn sample() -> Vec<HistoryRecord> {
    (0..2_000).map(|n| record(n, n * 3, format!("value {n}"))).collect()
}

async fn read_all(source: &Memory) -> Result<Vec<HistoryRecord>, ReadError> {
    let file = HistoryFile::open(source).await?;
    read_records(&file, source, 0, usize::MAX).await
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_flipped_bit_anywhere_is_an_error(at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut bytes = file(&sample(), 0..2_000).parts.concat();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(run(read_all(&Memory::new(bytes))).is_err(), "byte {}", at);
    }

    #[test]
    fn a_file_cut_short_is_an_error(at in any::<prop::sample::Index>()) {
        let mut bytes = file(&sample(), 0..2_000).parts.concat();
        bytes.truncate(at.index(bytes.len()));
        prop_assert!(run(read_all(&Memory::new(bytes))).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_an_error(bytes in vec(any::<u8>(), 0..300), ending in any::<bool>()) {
        let bytes = if ending { [bytes, b"\x20\0\0\0PAR1".to_vec()].concat() } else { bytes };
        prop_assert!(run(read_all(&Memory::new(bytes))).is_err());
    }
}

#[test]
fn a_decoder_that_panics_is_an_error() {
    let panicked = footer::catch_panic::<()>(|| panic!("like a decoder on damaged bytes"));
    assert!(matches!(panicked, Err(ReadError::Corrupt(_))));
}

#[test]
fn a_file_whose_metadata_contradicts_itself_is_an_error() {
    // The checksums match, but the offsets in the metadata are not those of the rows.
    let (covered, footer) = writer::without_checksums(&file(&sample(), 0..2_000).parts.concat());
    let end = footer.windows(4).position(|window| window == b"2000").expect("the end offset");
    let mut forged_footer = footer;
    forged_footer[end..end + 4].copy_from_slice(b"1999");
    let forged = writer::with_checksums(vec![Bytes::from([covered, forged_footer].concat())]).concat();
    assert!(matches!(run(read_all(&Memory::new(forged))), Err(ReadError::Corrupt(_))));
}

#[test]
fn a_newer_format_version_is_named_in_the_error() {
    let bytes = file(&sample(), 0..2_000).parts.concat();
    let version_at = bytes.windows(4).rposition(|window| window == b"AVCK").expect("section") - 12;
    let mut newer = bytes;
    newer[version_at + 3] = 9;
    let error = run(read_all(&Memory::new(newer))).expect_err("newer");
    assert!(matches!(error, ReadError::Version(version) if version == "9"));
}
