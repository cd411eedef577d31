use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition};
use proptest::prelude::*;
use uuid::Uuid;

use super::{decode, decode_key, encode, extent_key};
use crate::keyspace::RowProblem;

fn segment_extent(rejected: Vec<u32>) -> Extent {
    Extent {
        offsets: Offset(1_000)..Offset(1_300),
        object: ObjectId(*b"0123456789abcdef"),
        source: ExtentSource::Segment { position: 65_536..69_632, rejected },
        bytes: 4_096,
        records: 300,
        timestamps: (Timestamp(1_790_000_000_000), Timestamp(1_790_000_000_255)),
    }
}

#[test]
fn bytes_of_version_1_never_change() {
    let common = |kind: u8| {
        let mut row = vec![1, kind];
        row.extend(b"0123456789abcdef");
        row.extend(b"\x02\x01\x2c\0\x02\x10\x00\x06\x01\xa0\xc4\x50\x6c\x00\x01\xff\x03\x01\0\0\0");
        row
    };
    let cases = [
        (vec![], common(1)),
        (vec![2, 700], [common(2), b"\x01\x02\x01\x02\x02\x02\xb9".to_vec()].concat()),
        (vec![0, 1, 2, 3, 9], [common(3), b"\x01\x02\x0f\x02".to_vec()].concat()),
    ];
    for (rejected, golden) in cases {
        let extent = segment_extent(rejected);
        assert_eq!(encode(&extent), golden);
        assert_eq!(decode(Offset(1_300), &golden), Ok(extent));
    }
    let history = Extent { source: ExtentSource::HistoryV1 { level: 2 }, records: 299, ..segment_extent(vec![]) };
    let mut golden = b"\x01\x040123456789abcdef".to_vec();
    golden.extend(b"\x02\x01\x2c\x01\x01\x02\x10\x00\x06\x01\xa0\xc4\x50\x6c\x00\x01\xff\x02");
    assert_eq!(encode(&history), golden);
    assert_eq!(decode(Offset(1_300), &golden), Ok(history.clone()));

    let shared = Extent { source: ExtentSource::History { level: 2, file_bytes: 4_096 + 65_536 }, ..history };
    golden[1] = 5;
    golden.extend(b"\x03\x01\0\0");
    assert_eq!(encode(&shared), golden);
    assert_eq!(decode(Offset(1_300), &golden), Ok(shared));
}

#[test]
fn a_common_extent_takes_no_more_than_56_bytes() {
    assert!(encode(&segment_extent(vec![])).len() <= 56);
}

#[test]
fn keys_sort_by_partition_and_offset() {
    let at = |partition, end| {
        extent_key(TopicPartition::new(TopicId(Uuid::from_u128(9)), PartitionIndex(partition)), Offset(end))
    };
    assert!(at(0, 255) < at(0, 256) && at(0, i64::MAX) < at(1, 0));
    let partition = TopicPartition::new(TopicId(Uuid::from_u128(9)), PartitionIndex(7));
    assert_eq!(decode_key(&extent_key(partition, Offset(3))), Ok((partition, Offset(3))));
}

#[test]
fn unknown_versions_and_kinds_are_refused() {
    let mut row = encode(&segment_extent(vec![]));
    row[1] = 77;
    let error = decode(Offset(1_300), &row).expect_err("unknown");
    assert_eq!(error.problem, RowProblem::UnknownKind(77));
    let message = "stored extent row: unknown kind 77: a newer version of the program wrote it, update this one";
    assert_eq!(error.to_string(), message);
    row[0] = 9;
    assert_eq!(decode(Offset(1_300), &row).map_err(|e| e.problem), Err(RowProblem::UnknownVersion(9)));
    let row = encode(&segment_extent(vec![]));
    assert_eq!(decode(Offset(299), &row).map_err(|e| e.problem), Err(RowProblem::Malformed("offsets")));
}

prop_compose! {
    fn extents()(
        start in 0..i64::MAX / 2, length in 1..i64::MAX / 2, object: [u8; 16], position in 0..u64::MAX / 2,
        position_bytes in 0..u64::MAX / 2, rejected in prop::collection::btree_set(0u32..5_000, 0..300),
        bytes: u64, records: u64, timestamps: (i64, i64), level: Option<u8>, file_bytes: Option<u64>,
    ) -> Extent {
        let rejected = rejected.into_iter().collect();
        let segment = ExtentSource::Segment { position: position..position + position_bytes, rejected };
        Extent {
            offsets: Offset(start)..Offset(start + length),
            object: ObjectId(object),
            source: match (level, file_bytes) {
                (None, _) => segment,
                (Some(level), None) => ExtentSource::HistoryV1 { level },
                (Some(level), Some(file_bytes)) => ExtentSource::History { level, file_bytes },
            },
            bytes,
            records,
            timestamps: (Timestamp(timestamps.0), Timestamp(timestamps.1)),
        }
    }
}

proptest! {
    #[test]
    fn every_extent_survives_its_row(extent in extents()) {
        prop_assert_eq!(decode(extent.offsets.end, &encode(&extent)), Ok(extent));
    }

    #[test]
    fn any_bytes_are_an_extent_or_an_error(end: i64, mut row: Vec<u8>, kind in 0u8..7) {
        let _ = decode(Offset(end), &row);
        row.splice(0..0, [1, kind]);
        let _ = decode(Offset(end), &row);
    }
}
