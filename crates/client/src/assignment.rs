//! What members of a group tell each other in bytes that are opaque to the coordinator (Kafka's consumer protocol, version
//! 0), and how ranges of partitions are shared out.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Partitions by topic.
pub(crate) type Share = BTreeMap<String, Vec<i32>>;

/// A subscription to `topics`: version, names, no user data.
pub(crate) fn subscription(topics: &[String]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(length(topics.len()));
    topics.iter().for_each(|topic| put_name(&mut bytes, topic));
    bytes.put_i32(-1);
    bytes.freeze()
}

/// An assignment: version, names each with its partitions, no user data.
pub(crate) fn encode(share: &Share) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(length(share.len()));
    for (topic, partitions) in share {
        put_name(&mut bytes, topic);
        bytes.put_i32(length(partitions.len()));
        partitions.iter().for_each(|partition| bytes.put_i32(*partition));
    }
    bytes.put_i32(-1);
    bytes.freeze()
}

/// The assignment in `bytes`; nothing where it is none.
pub(crate) fn decode(bytes: Bytes) -> Share {
    read(bytes).unwrap_or_default()
}

fn read(mut bytes: Bytes) -> Option<Share> {
    bytes.try_get_i16().ok()?;
    let mut share = Share::new();
    for _ in 0..bytes.try_get_i32().ok()? {
        let length = usize::try_from(bytes.try_get_i16().ok()?).ok()?;
        if bytes.remaining() < length {
            return None;
        }
        let topic = String::from_utf8(bytes.split_to(length).to_vec()).ok()?;
        let partitions = (0..bytes.try_get_i32().ok()?).map(|_| bytes.try_get_i32().ok()).collect::<Option<_>>()?;
        share.insert(topic, partitions);
    }
    Some(share)
}

/// Of each topic a range of partitions for each of `members`, the first ones one more where it does not come out even.
pub(crate) fn by_range(members: &[String], partitions: &BTreeMap<String, usize>) -> BTreeMap<String, Share> {
    let mut sorted: Vec<&String> = members.iter().collect();
    sorted.sort();
    let mut shares: BTreeMap<String, Share> = members.iter().map(|member| (member.clone(), Share::new())).collect();
    for (topic, count) in partitions {
        let (each, more) = (count / sorted.len().max(1), count % sorted.len().max(1));
        let mut next = 0;
        for (place, member) in sorted.iter().enumerate() {
            let size = each + usize::from(place < more);
            let range = (0..).skip(next).take(size).collect();
            next += size;
            if size > 0
                && let Some(share) = shares.get_mut(*member)
            {
                share.insert(topic.clone(), range);
            }
        }
    }
    shares
}

fn put_name(bytes: &mut BytesMut, name: &str) {
    bytes.put_i16(i16::try_from(name.len()).unwrap_or(i16::MAX));
    bytes.put_slice(name.as_bytes());
}

fn length(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_is_shared_out_once_and_evenly() {
        let members: Vec<String> = ["c", "a", "b"].map(str::to_owned).into();
        let shares = by_range(&members, &BTreeMap::from([("orders".to_owned(), 5), ("users".to_owned(), 1)]));
        assert_eq!(shares["a"], Share::from([("orders".to_owned(), vec![0, 1]), ("users".to_owned(), vec![0])]));
        assert_eq!(shares["b"], Share::from([("orders".to_owned(), vec![2, 3])]));
        assert_eq!(shares["c"], Share::from([("orders".to_owned(), vec![4])]));
    }

    #[test]
    fn an_assignment_is_read_as_it_was_written_and_nonsense_is_none() {
        let share = Share::from([("orders".to_owned(), vec![3, 1]), ("users".to_owned(), vec![])]);
        assert_eq!(decode(encode(&share)), share);
        assert_eq!(decode(Bytes::from_static(b"\0\0\x7f\xff")), Share::new());
    }
}
