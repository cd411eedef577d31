use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::{DecodeError, EncodeError, Layout, Reader, RecordsField, Wire, Writer};

const PLAIN: Layout = Layout { version: 0, flexible: false };
const FLEXIBLE: Layout = Layout { version: 0, flexible: true };

fn read<T: Wire>(bytes: &'static [u8], layout: Layout) -> Result<T, DecodeError> {
    let mut reader = Reader::new(Bytes::from_static(bytes));
    let value = T::read(&mut reader, layout)?;
    reader.finish()?;
    Ok(value)
}

fn written<T: Wire>(value: &T, layout: Layout) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::new();
    value.write(&mut writer, layout)?;
    Ok(writer.into_bytes())
}

fn varint(bytes: &'static [u8]) -> Result<u32, DecodeError> {
    Reader::new(Bytes::from_static(bytes)).unsigned_varint()
}

#[test]
fn varints_longer_than_32_bits_are_rejected() {
    assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Ok(u32::MAX));
    assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0x1f]), Err(DecodeError::VarintTooLong));
    assert_eq!(varint(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]), Err(DecodeError::VarintTooLong));
    assert_eq!(varint(&[0x80]), Err(DecodeError::Truncated { needed: 1, left: 0 }));
}

#[test]
fn varints_may_be_padded_within_five_bytes() {
    assert_eq!(varint(&[0x81, 0x80, 0x80, 0x80, 0x00]), Ok(1));
}

proptest! {
    #[test]
    fn varints_return_what_they_were_given(value: u32) {
        let mut writer = Writer::new();
        writer.put_unsigned_varint(value);
        let bytes = writer.into_bytes();
        prop_assert!(bytes.len() <= 5);
        let mut reader = Reader::new(bytes);
        prop_assert_eq!(reader.unsigned_varint(), Ok(value));
        prop_assert_eq!(reader.remaining(), 0);
    }

    #[test]
    fn a_writer_keeps_the_order_of_all_parts(pieces in prop::collection::vec(0usize..3000, 0..12)) {
        let mut writer = Writer::new();
        let mut expected = Vec::new();
        for (index, length) in pieces.into_iter().enumerate() {
            let piece = Bytes::from(vec![index as u8; length]);
            expected.extend_from_slice(&piece);
            if index % 3 == 0 {
                let mut inner = Writer::new();
                inner.put_bytes(&piece);
                writer.append(inner);
            } else {
                writer.put_bytes(&piece);
            }
            prop_assert_eq!(writer.len(), expected.len());
        }
        let parts = writer.into_parts();
        prop_assert!(parts.iter().all(|part| !part.is_empty()));
        prop_assert_eq!(parts.concat(), expected);
    }
}

#[test]
fn strings_have_short_or_compact_lengths() {
    assert_eq!(read::<String>(b"\x00\x02hi", PLAIN), Ok("hi".to_owned()));
    assert_eq!(read::<String>(b"\x03hi", FLEXIBLE), Ok("hi".to_owned()));
    assert_eq!(read::<Option<String>>(b"\xff\xff", PLAIN), Ok(None));
    assert_eq!(read::<Option<String>>(b"\x00", FLEXIBLE), Ok(None));
    assert_eq!(read::<String>(b"\xff\xff", PLAIN), Err(DecodeError::UnexpectedNull));
    assert_eq!(read::<String>(b"\xff\xfe", PLAIN), Err(DecodeError::NegativeLength(-2)));
    assert_eq!(read::<String>(b"\x00\x01\xff", PLAIN), Err(DecodeError::NotUtf8));
    assert_eq!(read::<String>(b"\x00\x05hi", PLAIN), Err(DecodeError::Truncated { needed: 5, left: 2 }));
}

#[test]
fn strings_above_the_limit_are_rejected_in_both_directions() {
    let long = "a".repeat(32_768);
    assert_eq!(written(&long, PLAIN), Err(EncodeError::TooLong(32_768)));
    assert_eq!(written(&long, FLEXIBLE), Err(EncodeError::TooLong(32_768)));
    let mut bytes = vec![0x81, 0x80, 0x02];
    bytes.extend_from_slice(long.as_bytes());
    let result = String::read(&mut Reader::new(bytes.into()), FLEXIBLE);
    assert_eq!(result, Err(DecodeError::StringTooLong(32_768)));
}

#[test]
fn arrays_and_bytes_have_long_or_compact_lengths() {
    assert_eq!(read::<Vec<i16>>(b"\x00\x00\x00\x01\x00\x07", PLAIN), Ok(vec![7]));
    assert_eq!(read::<Vec<i16>>(b"\x02\x00\x07", FLEXIBLE), Ok(vec![7]));
    assert_eq!(read::<Option<Vec<i16>>>(b"\xff\xff\xff\xff", PLAIN), Ok(None));
    assert_eq!(read::<Option<Bytes>>(b"\x00", FLEXIBLE), Ok(None));
    assert_eq!(read::<Bytes>(b"\x00\x00\x00\x00", PLAIN), Ok(Bytes::new()));
    let claimed = 0x7fff_fffe;
    let result = read::<Vec<i16>>(b"\xff\xff\xff\xff\x07\x00\x00", FLEXIBLE);
    assert_eq!(result, Err(DecodeError::ArrayTooLong { claimed, left: 2 }));
}

#[test]
fn any_byte_but_zero_is_true() {
    assert_eq!(read::<bool>(&[0], PLAIN), Ok(false));
    assert_eq!(read::<bool>(&[2], PLAIN), Ok(true));
    assert_eq!(written(&true, PLAIN), Ok(Bytes::from_static(&[1])));
}

#[test]
fn a_uuid_is_sixteen_bytes() {
    let uuid = Uuid::from_u128(0x0102);
    let bytes = written(&uuid, PLAIN).unwrap();
    assert_eq!(bytes.len(), 16);
    assert_eq!(Uuid::read(&mut Reader::new(bytes), PLAIN), Ok(uuid));
}

#[test]
fn tagged_fields_must_have_the_size_that_they_state() {
    let read_tag = |bytes: &'static [u8]| {
        let mut reader = Reader::new(Bytes::from_static(bytes));
        let mut value = None;
        let section = reader.tagged_fields(|reader, tag| {
            if tag == 1 {
                value = Some(reader.i16()?);
            }
            Ok(tag == 1)
        });
        section.and_then(|()| reader.finish()).map(|()| value)
    };
    assert_eq!(read_tag(&[1, 1, 2, 0, 9]), Ok(Some(9)));
    assert_eq!(read_tag(&[2, 0, 1, 7, 1, 2, 0, 9]), Ok(Some(9)));
    assert_eq!(read_tag(&[1, 1, 3, 0, 9, 9]), Err(DecodeError::TaggedFieldSize { tag: 1 }));
    assert_eq!(read_tag(&[1, 1, 1, 0, 9]), Err(DecodeError::Truncated { needed: 2, left: 1 }));
    assert_eq!(read_tag(&[1, 1, 9, 0, 9]), Err(DecodeError::Truncated { needed: 9, left: 2 }));
    assert_eq!(read_tag(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Err(DecodeError::Truncated { needed: 1, left: 0 }));
}

#[test]
fn records_are_equal_however_they_are_split() {
    let whole = RecordsField::from(Bytes::from_static(b"abcd"));
    let cut = RecordsField::new(vec![Bytes::from_static(b"ab"), Bytes::new(), Bytes::from_static(b"cd")]);
    assert_eq!(whole, cut);
    assert_ne!(whole, RecordsField::from(Bytes::from_static(b"abce")));
    assert_eq!(written(&whole, FLEXIBLE), written(&cut, FLEXIBLE));
}
