//! Kafka's consumer protocol, version 0: subscriptions and assignments in bytes that are opaque to the coordinator; and
//! the range assignor.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The partitions of one member, by topic.
pub(crate) type Assignment = BTreeMap<String, Vec<i32>>;

/// The bytes of a subscription to `topics`: version, names, no user data.
pub(crate) fn subscription(topics: &[String]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(length(topics.len()));
    topics.iter().for_each(|topic| put_name(&mut bytes, topic));
    bytes.put_i32(-1);
    bytes.freeze()
}

/// The bytes of an assignment: version, topics each with its partitions, no user data.
pub(crate) fn encode(assignment: &Assignment) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(length(assignment.len()));
    for (topic, partitions) in assignment {
        put_name(&mut bytes, topic);
        bytes.put_i32(length(partitions.len()));
        partitions.iter().for_each(|partition| bytes.put_i32(*partition));
    }
    bytes.put_i32(-1);
    bytes.freeze()
}

/// The assignment in `bytes`; an empty one if they are malformed.
pub(crate) fn decode(bytes: Bytes) -> Assignment {
    try_decode(bytes).unwrap_or_default()
}

fn try_decode(mut bytes: Bytes) -> Option<Assignment> {
    bytes.try_get_i16().ok()?;
    let mut assignment = Assignment::new();
    for _ in 0..bytes.try_get_i32().ok()? {
        let length = usize::try_from(bytes.try_get_i16().ok()?).ok()?;
        if bytes.remaining() < length {
            return None;
        }
        let topic = String::from_utf8(bytes.split_to(length).to_vec()).ok()?;
        let partitions = (0..bytes.try_get_i32().ok()?).map(|_| bytes.try_get_i32().ok()).collect::<Option<_>>()?;
        assignment.insert(topic, partitions);
    }
    Some(assignment)
}

/// Kafka's range assignor: each of `members` gets a contiguous range of each topic's partitions. If the partitions do
/// not divide evenly, the first members get one more.
pub(crate) fn by_range(members: &[String], partitions: &BTreeMap<String, usize>) -> BTreeMap<String, Assignment> {
    let mut sorted: Vec<&String> = members.iter().collect();
    sorted.sort();
    let mut assignments: BTreeMap<String, Assignment> =
        members.iter().map(|member| (member.clone(), Assignment::new())).collect();
    for (topic, count) in partitions {
        let (each, remainder) = (count / sorted.len().max(1), count % sorted.len().max(1));
        let mut next = 0;
        for (place, member) in sorted.iter().enumerate() {
            let size = each + usize::from(place < remainder);
            let range = (0..).skip(next).take(size).collect();
            next += size;
            if size > 0
                && let Some(assignment) = assignments.get_mut(*member)
            {
                assignment.insert(topic.clone(), range);
            }
        }
    }
    assignments
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
    fn every_partition_is_assigned_once_and_evenly() {
        let members: Vec<String> = ["c", "a", "b"].map(str::to_owned).into();
        let assignments = by_range(&members, &BTreeMap::from([("orders".to_owned(), 5), ("users".to_owned(), 1)]));
        assert_eq!(
            assignments["a"],
            Assignment::from([("orders".to_owned(), vec![0, 1]), ("users".to_owned(), vec![0])])
        );
        assert_eq!(assignments["b"], Assignment::from([("orders".to_owned(), vec![2, 3])]));
        assert_eq!(assignments["c"], Assignment::from([("orders".to_owned(), vec![4])]));
    }

    #[test]
    fn an_assignment_survives_encoding_and_malformed_bytes_are_an_empty_one() {
        let assignment = Assignment::from([("orders".to_owned(), vec![3, 1]), ("users".to_owned(), vec![])]);
        assert_eq!(decode(encode(&assignment)), assignment);
        assert_eq!(decode(Bytes::from_static(b"\0\0\x7f\xff")), Assignment::new());
    }
}
