//! Kafka's zigzag variable-length integers inside records.

/// The 32-bit integer at the start of `bytes`, which moves past it; `None` if it is truncated or too long.
pub(super) fn take_i32(bytes: &mut &[u8]) -> Option<i32> {
    let wide = take_u64(bytes, 5)?;
    let zigzag = u32::try_from(wide).ok()?;
    Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
}

/// The 64-bit integer at the start of `bytes`, which moves past it; `None` if it is truncated or too long.
pub(super) fn take_i64(bytes: &mut &[u8]) -> Option<i64> {
    let zigzag = take_u64(bytes, 10)?;
    Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
}

fn take_u64(bytes: &mut &[u8], bytes_max: u32) -> Option<u64> {
    let mut value = 0_u64;
    for at in 0..bytes_max {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        let shift = at * 7;
        // The tenth byte has one usable bit.
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Appends `value`, zigzag encoded.
pub(super) fn put(out: &mut Vec<u8>, value: i64) {
    let mut rest = zigzag(value);
    while rest >= 0x80 {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}

/// Bytes that [`put`] takes for `value`.
pub(super) fn len(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_round_trip(value: i64) {
            let mut out = Vec::new();
            put(&mut out, value);
            prop_assert_eq!(out.len(), len(value));
            let mut bytes = out.as_slice();
            prop_assert_eq!(take_i64(&mut bytes), Some(value));
            prop_assert!(bytes.is_empty());
            let narrow = i32::try_from(value).ok();
            prop_assert_eq!(take_i32(&mut out.as_slice()), narrow);
        }
    }

    #[test]
    fn integers_are_encoded_like_kafkas() {
        for (value, bytes) in [(0, vec![0]), (-1, vec![1]), (1, vec![2]), (300, vec![0xd8, 4]), (-65, vec![0x81, 1])] {
            let mut out = Vec::new();
            put(&mut out, value);
            assert_eq!(out, bytes, "{value}");
        }
    }

    #[test]
    fn an_integer_without_an_end_is_rejected() {
        assert_eq!(take_i64(&mut [0xff; 20].as_slice()), None);
        assert_eq!(take_i32(&mut [0xff, 0xff, 0xff, 0xff, 0x7f].as_slice()), None);
        assert_eq!(take_i32(&mut [0x80].as_slice()), None);
    }
}
