//! Tests of the format as a whole.

use alluvium_model::{PartitionIndex, ProducerEpoch, ProducerId, Sequence, Timestamp, TopicId, TopicPartition};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// Written by the first release, to be read for ever. Never edit it.
const GOLDEN: &str = "\
    414c4c55565345470000000100000007\
    7468697264\
    666972737473656b6f6e64\
    00000007000001a0c4506c0000000002\
    000000000000000000000000000000010000000200000000000000100000000000000015\
    000000000000000900000001ffffffffffffffff0000000000000063095a694700000000\
    000000000000000000000000000000010000000300000000000000150000000000000020\
    00000000000000050000000200000000000000320000000000000050fff35c1500000001\
    0000000000000fa000017ffffffe00000002\
    00000000000000b2221c34bd0000000147455356554c4c41";

fn partition(topic: u128, partition: i32) -> TopicPartition {
    TopicPartition::new(TopicId(Uuid::from_u128(topic)), PartitionIndex(partition))
}

fn batch(bytes: &'static str, records: u32, timestamps: (i64, i64), producer: Option<ProducerRun>) -> BatchInput {
    let (head, body) = bytes.split_at(bytes.len() / 2);
    let timestamps = (Timestamp(timestamps.0), Timestamp(timestamps.1));
    BatchInput { parts: [head.into(), body.into()], facts: BatchFacts { records, timestamps, producer } }
}

fn producer(first: i32, last: i32) -> ProducerRun {
    ProducerRun { id: ProducerId(4_000), epoch: ProducerEpoch(1), first: Sequence(first), last: Sequence(last) }
}

fn run(partition: TopicPartition, batches: Vec<BatchInput>) -> RunInput {
    RunInput { partition, batches }
}

/// Two runs in the wrong order; the one that comes second in the object has two batches whose sequences continue.
fn example() -> EncodedSegment {
    let first = batch("first", 2, (60, 80), Some(producer(i32::MAX - 1, i32::MAX)));
    let second = batch("sekond", 3, (50, 70), Some(producer(0, 2)));
    let third = batch("third", 9, (-1, 99), None);
    let runs = vec![run(partition(1, 3), vec![first, second]), run(partition(1, 2), vec![third])];
    encode(7, Timestamp(1_790_000_000_000), runs).unwrap()
}

fn object(segment: &EncodedSegment) -> Vec<u8> {
    segment.parts.concat()
}

fn decode(object: &[u8]) -> Result<Footer, FormatError> {
    Footer::decode(object, object.len() as u64)
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn a_segment_is_encoded_to_its_golden_bytes() {
    assert_eq!(object(&example()), unhex(GOLDEN));
    assert_eq!(decode(&unhex(GOLDEN)).unwrap().runs, example().runs);
}

#[test]
fn runs_are_sorted_by_partition_and_described() {
    let segment = example();
    let [first, second] = segment.runs.as_slice() else { panic!("{:?}", segment.runs) };
    assert_eq!((first.partition, first.position.clone()), (partition(1, 2), 16..21));
    assert_eq!((second.partition, second.position.clone()), (partition(1, 3), 21..32));
    assert_eq!((second.records, second.batches), (5, 2));
    assert_eq!(second.timestamps, (Timestamp(50), Timestamp(80)));
    assert_eq!(second.producers, [producer(i32::MAX - 1, 2)]);
    assert_eq!(segment.bytes, object(&segment).len() as u64);
}

#[test]
fn batch_bytes_are_shared_and_not_copied() {
    let bytes = Bytes::from(vec![7; 100]);
    let facts = BatchFacts { records: 1, timestamps: Default::default(), producer: None };
    let input = BatchInput { parts: [bytes.clone(), Bytes::new()], facts };
    let segment = encode(1, Timestamp(1), vec![run(partition(1, 0), vec![input])]).unwrap();
    assert_eq!(segment.parts[1].as_ptr(), bytes.as_ptr());
    assert_eq!(segment.parts.len(), 3);
}

#[test]
fn sequences_that_do_not_continue_each_other_are_separate_entries() {
    let gap = [producer(0, 4), producer(6, 7), ProducerRun { epoch: ProducerEpoch(2), ..producer(8, 9) }];
    let batches = gap.iter().map(|producer| batch("bytes", 1, (0, 0), Some(*producer))).collect();
    let segment = encode(1, Timestamp(1), vec![run(partition(1, 0), batches)]).unwrap();
    assert_eq!(segment.runs[0].producers, gap);
    assert_eq!(decode(&object(&segment)).unwrap().runs, segment.runs);
}

#[test]
fn a_run_is_verified_by_its_bytes_alone() {
    let segment = example();
    let object = object(&segment);
    let run = &segment.runs[1];
    assert_eq!(verify_run(run, b"firstsekond"), Ok(()));
    assert!(matches!(verify_run(run, b"firstsecond"), Err(FormatError::RunCrc { .. })));
    assert!(matches!(verify_run(run, &object), Err(FormatError::RunCrc { .. })));
}

#[test]
fn empty_and_duplicate_runs_are_not_encoded() {
    let empty = partition(1, 0);
    let nothing = BatchInput { parts: Default::default(), ..batch("x", 1, (0, 0), None) };
    let one = || run(partition(2, 0), vec![batch("x", 1, (0, 0), None)]);
    let refused = |runs| encode(1, Timestamp(1), runs).unwrap_err();
    assert_eq!(refused(Vec::new()), EncodeError::Empty);
    assert_eq!(refused(vec![one(), run(empty, Vec::new())]), EncodeError::EmptyRun(empty));
    assert_eq!(refused(vec![one(), run(empty, vec![nothing])]), EncodeError::EmptyRun(empty));
    assert_eq!(refused(vec![one(), one()]), EncodeError::Duplicate(partition(2, 0)));
}

#[test]
fn the_error_of_a_short_tail_says_how_many_bytes_are_needed() {
    let object = object(&example());
    let all = object.len() as u64;
    let short = Footer::decode(&object[object.len() - 30..], all).unwrap_err();
    let FormatError::TailTooShort { bytes } = short else { panic!("{short}") };
    let tail = &object[object.len() - usize::try_from(bytes).unwrap()..];
    assert_eq!(Footer::decode(tail, all).unwrap().runs.len(), 2);
    assert_eq!(Footer::decode(&tail[1..], all), Err(short));
    assert_eq!(Footer::decode(&[], all), Err(FormatError::TailTooShort { bytes: 24 }));
}

#[test]
fn newer_versions_are_an_error_that_names_them() {
    let mut object = object(&example());
    object[11] = 2;
    assert_eq!(verify_header(&object), Err(FormatError::Version(2)));
    let version = object.len() - 9;
    object[version] = 3;
    assert_eq!(decode(&object), Err(FormatError::Version(3)));
}

#[test]
fn other_objects_are_recognised() {
    assert_eq!(verify_header(&object(&example())), Ok(()));
    for other in [b"".as_slice(), b"ALLUVSE", b"PAR1 and more than sixteen bytes of some other file"] {
        assert_eq!(verify_header(other), Err(FormatError::Magic));
        assert_eq!(decode(other), Err(FormatError::Magic));
    }
}

#[test]
fn an_intact_footer_of_another_object_is_an_error() {
    let footer = Footer { writer: 1, created: Timestamp(1), runs: example().runs };
    let tail = footer.encode();
    let expected = object(&example()).len() as u64;
    assert!(Footer::decode(&tail, expected).is_ok());
    for bytes in [expected - 1, expected + 1, tail.len() as u64 - 1] {
        assert!(matches!(Footer::decode(&tail, bytes), Err(FormatError::Footer(_))), "{bytes}");
    }
    let unsorted = Footer { runs: footer.runs.into_iter().rev().collect(), ..Footer::decode(&tail, expected).unwrap() };
    assert!(matches!(Footer::decode(&unsorted.encode(), expected), Err(FormatError::Footer(_))));
}

prop_compose! {
    fn any_producer()(id: i64, epoch: i16, first: i32, last: i32) -> ProducerRun {
        let (id, epoch) = (ProducerId(id % 3), ProducerEpoch(epoch % 2));
        ProducerRun { id, epoch, first: Sequence(first), last: Sequence(last) }
    }
}

prop_compose! {
    fn any_batch()(
        body in vec(any::<u8>(), 1..200), at: prop::sample::Index, records: u32, from: i64, to: i64,
        producer in option::of(any_producer()),
    ) -> BatchInput {
        let mut head = Bytes::from(body);
        let body = head.split_off(at.index(head.len()));
        let facts = BatchFacts { records, timestamps: (Timestamp(from), Timestamp(to)), producer };
        BatchInput { parts: [head, body], facts }
    }
}

prop_compose! {
    fn any_runs()(
        runs in proptest::collection::btree_map((0_u128..5, 0..50), vec(any_batch(), 1..5), 1..20),
    ) -> Vec<RunInput> {
        let runs = runs.into_iter().rev();
        runs.map(|((topic, number), batches)| run(partition(topic, number), batches)).collect()
    }
}

proptest! {
    #[test]
    fn segments_survive_their_encoding(runs in any_runs(), writer: u32, created: i64) {
        let segment = encode(writer, Timestamp(created), runs.clone()).unwrap();
        let object = object(&segment);
        prop_assert_eq!(object.len() as u64, segment.bytes);
        prop_assert_eq!(verify_header(&object), Ok(()));
        let footer = decode(&object).unwrap();
        prop_assert_eq!((footer.writer, footer.created), (writer, Timestamp(created)));
        prop_assert_eq!(&footer.runs, &segment.runs);
        prop_assert_eq!(Footer::verify_whole(&object), Ok(footer.clone()));
        for input in runs {
            let run = footer.runs.iter().find(|run| run.partition == input.partition).unwrap();
            let bytes = &object[run.position.start as usize..run.position.end as usize];
            let parts = input.batches.iter().flat_map(|batch| &batch.parts);
            let expected: Vec<u8> = parts.flat_map(|part| part.to_vec()).collect();
            prop_assert_eq!(bytes, expected);
            prop_assert_eq!(verify_run(run, bytes), Ok(()));
        }
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes in vec(any::<u8>(), 0..200), object_bytes: u64) {
        prop_assert!(Footer::decode(&bytes, object_bytes).is_err());
        prop_assert!(verify_header(&bytes).is_err());
    }

    #[test]
    fn no_footer_with_a_right_checksum_makes_decoding_panic(
        mut footer in vec(any::<u8>(), 0..300), count in 0_u32..4, object_bytes in 0_u64..1_000,
    ) {
        // A decoder that trusted the count would allocate for it.
        for (at, byte) in (12..).zip(count.to_be_bytes()) {
            if let Some(place) = footer.get_mut(at) {
                *place = byte;
            }
        }
        let (len, crc) = (footer.len() as u64, encode::checksum(&footer));
        footer.extend_from_slice(&len.to_be_bytes());
        footer.extend_from_slice(&crc.to_be_bytes());
        footer.extend_from_slice(&VERSION.to_be_bytes());
        footer.extend_from_slice(b"GESVULLA");
        let _ = Footer::decode(&footer, object_bytes);
    }

    #[test]
    fn any_flipped_bit_of_a_run_is_detected_in_a_whole_object(at: prop::sample::Index, bit in 0_u8..8) {
        let mut object = object(&example());
        let footer_start = example().runs.last().unwrap().position.end as usize;
        let at = layout::HEADER_LEN + at.index(footer_start - layout::HEADER_LEN);
        object[at] ^= 1 << bit;
        prop_assert!(Footer::verify_whole(&object).is_err());
    }

    #[test]
    fn any_flipped_bit_of_the_footer_is_detected(at: prop::sample::Index, bit in 0_u8..8) {
        let mut object = object(&example());
        let footer_start = example().runs.last().unwrap().position.end as usize;
        let at = footer_start + at.index(object.len() - footer_start);
        object[at] ^= 1 << bit;
        prop_assert!(decode(&object).is_err());
    }
}
