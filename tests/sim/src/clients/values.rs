//! Values of records: a number, and bytes derived from it, so that a record that is read shows which value it holds and
//! whether it is whole.

use crate::history::ValueId;

/// Bytes of the number at the beginning of a value.
const NUMBER_BYTES: usize = size_of::<u64>();

/// The bytes of `value`, with `length` bytes of filler.
pub fn encode(value: ValueId, length: usize) -> Vec<u8> {
    let mut bytes = value.0.to_be_bytes().to_vec();
    bytes.extend(filler(value).take(length));
    bytes
}

/// The value that `bytes` hold, or [`ValueId::GARBLED`].
pub fn decode(bytes: Option<&[u8]>) -> ValueId {
    let Some((number, rest)) = bytes.and_then(<[u8]>::split_first_chunk::<NUMBER_BYTES>) else {
        return ValueId::GARBLED;
    };
    let value = ValueId(u64::from_be_bytes(*number));
    if filler(value).zip(rest).all(|(expected, found)| expected == *found) { value } else { ValueId::GARBLED }
}

fn filler(value: ValueId) -> impl Iterator<Item = u8> {
    (1_u64..).map(move |place| (value.0.wrapping_mul(place).wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes()[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_by_its_bytes_and_damage_shows() {
        let mut bytes = encode(ValueId(77), 20);
        assert_eq!(decode(Some(&bytes)), ValueId(77));
        bytes[15] ^= 1;
        assert_eq!(decode(Some(&bytes)), ValueId::GARBLED);
        assert_eq!(decode(Some(b"short")), ValueId::GARBLED);
        assert_eq!(decode(None), ValueId::GARBLED);
    }
}
