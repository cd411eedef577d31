//! Bytes written by another implementation (kafka-python 2.x with its own codecs), which must stay readable. Never edit
//! them.

use bytes::Bytes;

use super::super::{BatchBuilder, Compression};
use super::{OwnedRecord, parse, push_all, read};

const NONE: &str = "\
    000000000000000000000175000000000277c500b4000000000002000001a0c4506c00000001a0c4506c05000000000000000700010000\
    000300000003e404000000046b30c0046f6e652076616c756520616e64206f6e652076616c7565206f6e652076616c756520616e64206f\
    6e652076616c7565206f6e652076616c756520616e64206f6e652076616c7565206f6e652076616c756520616e64206f6e652076616c75\
    65206f6e652076616c756520616e64206f6e652076616c7565206f6e652076616c756520616e64206f6e652076616c7565206f6e652076\
    616c756520616e64206f6e652076616c7565206f6e652076616c756520616e64206f6e652076616c7565206f6e652076616c756520616e\
    64206f6e652076616c7565206f6e652076616c756520616e64206f6e652076616c7565206f6e652076616c756520616e64206f6e652076\
    616c7565206f6e652076616c756520616e64206f6e652076616c756520060268023102680100000c000a0201000010000604046b320100";
const GZIP: &str = "\
    00000000000000000000007b0000000002b9a73cbe000100000002000001a0c4506c00000001a0c4506c05000000000000000700010000\
    0003000000031f8b080098d5ff6a02ff7bc2c2c0c0c0926d7080253f2f55a12c31a7345521312f4501c11b1587f0d89832980c99321819\
    187818b898809400031b0b4bb6112303007191c12844010000";
const SNAPPY: &str = "\
    00000000000000000000008b0000000002406c209d000200000002000001a0c4506c00000001a0c4506c05000000000000000700010000\
    00030000000382534e4150505900000000010000000100000046c4025ce404000000046b30c0046f6e652076616c756520616e6420190e\
    190afe1800fe1800fe1800f6180064060268023102680100000c000a0201000010000604046b320100";
const LZ4: &str = "\
    000000000000000000000087000000000241fab40c000300000002000001a0c4506c00000001a0c4506c05000000000000000700010000\
    00030000000304224d1868404401000000000000eb3f000000f609e404000000046b30c0046f6e652076616c756520616e64200e00060a\
    000f1800ebf00b060268023102680100000c000a0201000010000604046b32010000000000";
const ZSTD: &str = "\
    00000000000000000000007a00000000024bd5a5bf000400000002000001a0c4506c00000001a0c4506c05000000000000000700010000\
    00030000000328b52ffd604400fd01002403e404000000046b30c0046f6e652076616c756520616e6420060268023102680100000c000a\
    0201000010000604046b3201000300fb9d145a3620b63906";

fn bytes(hex: &str) -> Bytes {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The records in them: a duplicate header name, null and empty headers, keys and values.
fn records() -> Vec<OwnedRecord> {
    let some = |text: &str| Some(text.as_bytes().to_vec());
    let headers = vec![(b"h".to_vec(), some("1")), (b"h".to_vec(), None), (Vec::new(), some(""))];
    let value = some(&"one value and one value ".repeat(12));
    vec![
        OwnedRecord { offset: 0, timestamp: 1_790_000_000_000, key: some("k0"), value, headers },
        OwnedRecord { offset: 1, timestamp: 1_790_000_000_005, key: None, value: some(""), headers: vec![] },
        OwnedRecord { offset: 2, timestamp: 1_790_000_000_003, key: some("k2"), value: None, headers: vec![] },
    ]
}

#[test]
fn batches_of_another_implementation_are_read_with_every_codec() {
    for (hex, compression) in [NONE, GZIP, SNAPPY, LZ4, ZSTD].into_iter().zip(Compression::ALL) {
        let batch = parse(&bytes(hex));
        assert_eq!(batch.validate(), Ok(()), "{compression:?}");
        let header = batch.header();
        assert_eq!(header.attributes.compression(), Ok(compression));
        assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (7, 1, 3));
        assert_eq!((header.base_timestamp, header.max_timestamp), (1_790_000_000_000, 1_790_000_000_005));
        assert_eq!(read(&batch), records(), "{compression:?}");
    }
}

#[test]
fn our_batches_are_byte_for_byte_those_of_another_implementation() {
    let builder = BatchBuilder::new(Compression::None, 0).producer(7, 1, 3);
    assert_eq!(push_all(builder, &records()).finish(), bytes(NONE));
}
