//! Any bytes to any decoder: a message or an error, never a panic.

use bytes::Bytes;
use proptest::prelude::*;

use super::each_version;
use crate::codec::generate::Source;
use crate::codec::{DecodeError, Reader};
use crate::frame::RequestHeader;

/// Decodes a frame. If that succeeds, encoding and decoding the message again gives the same message.
fn survives(reencode: fn(Bytes, i16) -> Result<Bytes, DecodeError>, frame: &Bytes, version: i16) {
    if let Ok(written) = reencode(frame.clone(), version) {
        assert_eq!(reencode(written.clone(), version), Ok(written));
    }
}

/// Truncates, overwrites or lengthens a valid frame.
fn damage(frame: &Bytes, source: &mut Source) -> Bytes {
    let mut bytes = frame.to_vec();
    for _ in 0..=source.below(3) {
        let place = source.below(bytes.len() + 1);
        match source.below(4) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, source.next() as u8),
            2 => bytes.iter_mut().skip(place).take(4).for_each(|byte| *byte = 0xff),
            _ => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte = source.next() as u8),
        }
    }
    bytes.into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bytes_never_panic(frame in prop::collection::vec(any::<u8>(), 0..200)) {
        let frame = Bytes::from(frame);
        for (subject, version) in each_version() {
            survives(subject.reencode, &frame, version);
        }
        let _ = RequestHeader::decode(&mut Reader::new(frame));
    }

    #[test]
    fn small_numbers_never_panic(frame in prop::collection::vec(0u8..4, 0..200)) {
        let frame = Bytes::from(frame);
        for (subject, version) in each_version() {
            survives(subject.reencode, &frame, version);
        }
        let _ = RequestHeader::decode(&mut Reader::new(frame));
    }

    #[test]
    fn damaged_messages_never_panic(seed: u64) {
        let mut source = Source::new(seed);
        for (subject, version) in each_version() {
            let valid = (subject.random)(seed, version);
            for _ in 0..4 {
                survives(subject.reencode, &damage(&valid, &mut source), version);
            }
        }
    }

    #[test]
    fn bytes_after_a_message_are_rejected(seed: u64) {
        for (subject, version) in each_version() {
            let mut longer = (subject.random)(seed, version).to_vec();
            longer.push(0);
            let result = (subject.reencode)(longer.into(), version);
            prop_assert_eq!(result, Err(DecodeError::TrailingBytes(1)), "{} version {}", subject.name, version);
        }
    }

    #[test]
    fn truncated_messages_are_rejected(seed: u64) {
        for (subject, version) in each_version() {
            let whole = (subject.random)(seed, version);
            for length in [0, whole.len() / 2, whole.len().saturating_sub(1)] {
                if length < whole.len() {
                    let result = (subject.reencode)(whole.slice(..length), version);
                    prop_assert!(result.is_err(), "{} version {}", subject.name, version);
                }
            }
        }
    }
}
