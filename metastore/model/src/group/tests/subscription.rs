use proptest::prelude::*;

use super::super::subscribed_topics;

#[test]
fn topics_are_read_from_the_metadata_of_any_version() {
    let bytes = [0, 3, 0, 0, 0, 2, 0, 1, b'a', 0, 2, b'b', b'c', 9, 9, 9];
    let topics = subscribed_topics(&bytes).expect("well-formed");
    assert_eq!(topics.into_iter().collect::<Vec<_>>(), ["a", "bc"]);
    assert_eq!(subscribed_topics(&[0, 0, 0, 0, 0, 0]).map(|topics| topics.len()), Some(0));
}

#[test]
fn other_bytes_are_no_subscription() {
    for bytes in [
        &[][..],
        &[0],
        &[255, 255, 0, 0, 0, 0],
        &[0, 0, 255, 255, 255, 255],
        &[0, 0, 127, 255, 255, 255],
        &[0, 0, 0, 0, 0, 1, 0, 5, b'a'],
        &[0, 0, 0, 0, 0, 1, 255, 255],
        &[0, 0, 0, 0, 0, 1, 0, 1, 0xff],
    ] {
        assert_eq!(subscribed_topics(bytes), None, "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = subscribed_topics(&bytes);
    }
}
