//! The payload of a PUT, with small parts merged so that writing it takes few system calls.

use bytes::{Bytes, BytesMut};
use object_store::PutPayload;

/// Parts smaller than this are copied into shared buffers: a system call costs more than the copy.
const COPIED_PART_BYTES_MAX: usize = 16 << 10;
/// Size of the buffers into which parts are copied, about.
const BUFFER_BYTES: usize = 256 << 10;

/// The bytes of `parts` in order: adjacent small parts are merged, large parts are shared without a copy.
pub(crate) fn merge_small_parts(parts: Vec<Bytes>) -> PutPayload {
    let mut merged = Vec::new();
    let mut buffer = BytesMut::new();
    for part in parts {
        if part.len() < COPIED_PART_BYTES_MAX {
            buffer.extend_from_slice(&part);
        } else {
            flush(&mut buffer, &mut merged);
            merged.push(part);
        }
        if buffer.len() >= BUFFER_BYTES {
            flush(&mut buffer, &mut merged);
        }
    }
    flush(&mut buffer, &mut merged);
    merged.into_iter().collect()
}

fn flush(buffer: &mut BytesMut, merged: &mut Vec<Bytes>) {
    if !buffer.is_empty() {
        merged.push(buffer.split().freeze());
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn merging_keeps_every_byte_in_order(lengths in vec(0_usize..60_000, 0..40)) {
            let parts: Vec<Bytes> =
                (0_u8..).zip(&lengths).map(|(fill, length)| Bytes::from(vec![fill; *length])).collect();
            let payload = merge_small_parts(parts.clone());
            prop_assert_eq!(Bytes::from(payload), Bytes::from(parts.concat()));
        }
    }

    #[test]
    fn small_parts_share_a_buffer_and_large_ones_are_not_copied() {
        let large = Bytes::from(vec![1; COPIED_PART_BYTES_MAX]);
        let small = Bytes::from_static(b"small");
        let payload = merge_small_parts(vec![small.clone(), small.clone(), large.clone(), small.clone()]);
        let parts: Vec<&Bytes> = payload.iter().collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[1].as_ptr(), large.as_ptr());
    }
}
