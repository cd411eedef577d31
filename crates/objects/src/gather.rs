//! Parts of an object, gathered so that writing them takes few system calls.

use bytes::{Bytes, BytesMut};
use object_store::PutPayload;

/// Parts smaller than this are copied together: a system call costs more than the copy.
const COPIED_PART_BYTES_MAX: usize = 16 << 10;
/// Copied parts are cut into buffers of about this size.
const BUFFER_BYTES: usize = 256 << 10;

/// The same bytes in the same order, small neighbours merged, large parts shared.
pub(crate) fn gather(parts: Vec<Bytes>) -> PutPayload {
    let mut gathered = Vec::new();
    let mut buffer = BytesMut::new();
    for part in parts {
        if part.len() < COPIED_PART_BYTES_MAX {
            buffer.extend_from_slice(&part);
        } else {
            flush(&mut buffer, &mut gathered);
            gathered.push(part);
        }
        if buffer.len() >= BUFFER_BYTES {
            flush(&mut buffer, &mut gathered);
        }
    }
    flush(&mut buffer, &mut gathered);
    gathered.into_iter().collect()
}

fn flush(buffer: &mut BytesMut, gathered: &mut Vec<Bytes>) {
    if !buffer.is_empty() {
        gathered.push(buffer.split().freeze());
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn gathering_keeps_every_byte_in_order(lengths in vec(0_usize..60_000, 0..40)) {
            let parts: Vec<Bytes> =
                (0_u8..).zip(&lengths).map(|(fill, length)| Bytes::from(vec![fill; *length])).collect();
            let payload = gather(parts.clone());
            prop_assert_eq!(Bytes::from(payload), Bytes::from(parts.concat()));
        }
    }

    #[test]
    fn small_parts_share_a_buffer_and_large_ones_are_not_copied() {
        let large = Bytes::from(vec![1; COPIED_PART_BYTES_MAX]);
        let small = Bytes::from_static(b"small");
        let payload = gather(vec![small.clone(), small.clone(), large.clone(), small.clone()]);
        let parts: Vec<&Bytes> = payload.iter().collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[1].as_ptr(), large.as_ptr());
    }
}
