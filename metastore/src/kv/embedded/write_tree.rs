//! Which keys were written, and by which version last. Pure.
//!
//! A treap of disjoint keys and ranges. Each node knows the newest and the oldest version below it, so that a range is
//! checked, and old versions are dropped, without a look at each write: as in the skip list of FoundationDB's resolver,
//! a check takes time logarithmic in the number of writes. Invariants: nodes are disjoint and ordered by their begin; a
//! parent's priority is at least that of its children, and priorities are random, so the tree is shallow.

use std::cmp::Ordering;

use alluvium_runtime::{Rng, SeededRng};
use bytes::Bytes;

use super::Version;
use crate::kv::key_after;

#[derive(Debug)]
pub(super) struct WriteTree {
    root: Link,
    /// Where priorities come from. They need no secret: no key depends on them.
    priorities: SeededRng,
}

type Link = Option<Box<Node>>;

#[derive(Debug)]
struct Node {
    begin: Bytes,
    /// Where the written range ends (exclusive); `None` if only the key `begin` was written.
    end: Option<Bytes>,
    version: Version,
    priority: u64,
    /// The newest version of this node and those below it.
    newest: Version,
    /// The oldest version of this node and those below it.
    oldest: Version,
    left: Link,
    right: Link,
}

impl Default for WriteTree {
    fn default() -> Self {
        Self { root: None, priorities: SeededRng::new(0) }
    }
}

impl WriteTree {
    /// Notes that `version`, which is at least as new as all others, wrote `key`.
    pub fn write_key(&mut self, key: &Bytes, version: Version) {
        if !rewrite_key(&mut self.root, key, version) {
            self.write(key.clone(), None, version);
        }
    }

    /// Notes that `version`, which is at least as new as all others, wrote the keys from `begin` (inclusive) to `end`
    /// (exclusive).
    pub fn write_range(&mut self, begin: &Bytes, end: &Bytes, version: Version) {
        if begin < end {
            self.write(begin.clone(), Some(end.clone()), version);
        }
    }

    /// Whether a version after `version` wrote `key`.
    pub fn is_key_newer(&self, key: &[u8], version: Version) -> bool {
        let mut link = &self.root;
        while let Some(node) = link.as_ref().filter(|node| node.newest > version) {
            link = match key.cmp(&node.begin) {
                Ordering::Less => &node.left,
                Ordering::Equal => return node.version > version,
                Ordering::Greater if node.is_before(key) => &node.right,
                Ordering::Greater => return node.version > version,
            };
        }
        false
    }

    /// Whether a version after `version` wrote any key from `begin` (inclusive) to `end` (exclusive).
    pub fn is_range_newer(&self, begin: &[u8], end: &[u8], version: Version) -> bool {
        is_range_newer(&self.root, begin, end, version)
    }

    /// Drops what was last written by `version` or an older one.
    pub fn forget(&mut self, version: Version) {
        self.root = forget(self.root.take(), version);
    }

    fn write(&mut self, begin: Bytes, end: Option<Bytes>, version: Version) {
        let (mut left, rest) = split(self.root.take(), &|at| *at < begin);
        let (middle, mut right) = split(rest, &|at| end.as_ref().map_or(*at <= begin, |end| at < end));
        let overhang = [cut_last(&mut left, &begin), last_end(&middle)];
        if overhang.iter().any(Option::is_some) {
            let after = end.clone().unwrap_or_else(|| key_after(&begin).into());
            // At most one of the two reaches past the end of what is written now: they are disjoint.
            let rest = overhang.into_iter().flatten().find(|(reach, _)| *reach > after);
            if let Some((reach, older)) = rest {
                right = merge(Some(self.node(after, Some(reach), older)), right);
            }
        }
        let written = self.node(begin, end, version);
        self.root = merge(merge(left, Some(written)), right);
    }

    fn node(&self, begin: Bytes, end: Option<Bytes>, version: Version) -> Box<Node> {
        let priority = self.priorities.next_u64();
        Box::new(Node { begin, end, version, priority, newest: version, oldest: version, left: None, right: None })
    }
}

impl Node {
    /// Whether all keys of this node lie below `key`.
    fn is_before(&self, key: &[u8]) -> bool {
        self.end.as_ref().map_or(self.begin < key, |end| end <= key)
    }

    /// Sums up the versions of this node and its children.
    fn update(&mut self) {
        let below = || [&self.left, &self.right].into_iter().flatten();
        let newest = below().map(|child| child.newest).fold(self.version, Version::max);
        let oldest = below().map(|child| child.oldest).fold(self.version, Version::min);
        (self.newest, self.oldest) = (newest, oldest);
    }
}

/// Sets the version of the node that is exactly `key`. Whether there is one.
fn rewrite_key(link: &mut Link, key: &Bytes, version: Version) -> bool {
    let Some(node) = link else { return false };
    let is_found = match key.cmp(&node.begin) {
        Ordering::Less => rewrite_key(&mut node.left, key, version),
        Ordering::Greater => rewrite_key(&mut node.right, key, version),
        Ordering::Equal if node.end.is_some() => false,
        Ordering::Equal => {
            node.version = version;
            true
        }
    };
    if is_found {
        node.update();
    }
    is_found
}

fn is_range_newer(link: &Link, begin: &[u8], end: &[u8], version: Version) -> bool {
    let Some(node) = link.as_ref().filter(|node| node.newest > version) else { return false };
    if node.begin >= end {
        return is_range_newer(&node.left, begin, end, version);
    }
    if node.is_before(begin) {
        return is_range_newer(&node.right, begin, end, version);
    }
    node.version > version
        || is_range_newer(&node.left, begin, end, version)
        || is_range_newer(&node.right, begin, end, version)
}

fn forget(link: Link, version: Version) -> Link {
    let mut node = link.filter(|node| node.newest > version)?;
    if node.oldest > version {
        return Some(node);
    }
    let (left, right) = (forget(node.left.take(), version), forget(node.right.take(), version));
    if node.version <= version {
        return merge(left, right);
    }
    (node.left, node.right) = (left, right);
    node.update();
    Some(node)
}

/// Divides a tree into the nodes whose begin `is_left`, which are the first ones, and the others.
fn split(link: Link, is_left: &impl Fn(&Bytes) -> bool) -> (Link, Link) {
    let Some(mut node) = link else { return (None, None) };
    if is_left(&node.begin) {
        let (inner, right) = split(node.right.take(), is_left);
        node.right = inner;
        node.update();
        (Some(node), right)
    } else {
        let (left, inner) = split(node.left.take(), is_left);
        node.left = inner;
        node.update();
        (left, Some(node))
    }
}

/// Joins two trees; all nodes of `left` lie before those of `right`.
fn merge(left: Link, right: Link) -> Link {
    let (mut left, mut right) = match (left, right) {
        (Some(left), Some(right)) => (left, right),
        (left, right) => return left.or(right),
    };
    if left.priority >= right.priority {
        left.right = merge(left.right.take(), Some(right));
        left.update();
        Some(left)
    } else {
        right.left = merge(Some(left), right.left.take());
        right.update();
        Some(right)
    }
}

/// Ends the last node at `at` if it reaches further. Returns where it ended then, and its version.
fn cut_last(link: &mut Link, at: &Bytes) -> Option<(Bytes, Version)> {
    let mut last = link.as_mut()?;
    while last.right.is_some() {
        last = last.right.as_mut()?;
    }
    let end = last.end.as_mut().filter(|end| **end > *at)?;
    Some((std::mem::replace(end, at.clone()), last.version))
}

/// Where the last node ends, if it is a range, and its version.
fn last_end(link: &Link) -> Option<(Bytes, Version)> {
    let mut last = link.as_ref()?;
    while let Some(next) = &last.right {
        last = next;
    }
    Some((last.end.clone()?, last.version))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn depth(link: &Link) -> usize {
        link.as_ref().map_or(0, |node| 1 + depth(&node.left).max(depth(&node.right)))
    }

    fn count(link: &Link) -> usize {
        link.as_ref().map_or(0, |node| 1 + count(&node.left) + count(&node.right))
    }

    fn key(number: u32) -> Bytes {
        Bytes::copy_from_slice(&number.to_be_bytes())
    }

    #[test]
    fn a_tree_of_ascending_keys_is_shallow_and_forgets_them_all() {
        const KEYS: u32 = 1 << 17;
        let mut tree = WriteTree::default();
        for number in 0..KEYS {
            tree.write_key(&key(number), Version(1 + u64::from(number)));
        }
        // A random tree of n nodes is at most about 4.3 ln n deep (Devroye 1986): 51 here.
        assert!(depth(&tree.root) <= 60, "{} levels", depth(&tree.root));
        tree.forget(Version(u64::from(KEYS) - 5));
        assert_eq!(count(&tree.root), 5);
    }

    #[test]
    fn what_is_written_again_is_one_node() {
        let mut tree = WriteTree::default();
        for version in 1..100 {
            tree.write_key(&key(7), Version(version));
            tree.write_range(&key(10), &key(20), Version(version));
        }
        assert_eq!(count(&tree.root), 2);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Key(u8),
        Range(u8, u8),
        Forget(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0u8..30).prop_map(Step::Key),
            2 => (0u8..30, 0u8..30).prop_map(|(begin, end)| Step::Range(begin, end)),
            1 => (0u64..40).prop_map(Step::Forget),
        ]
    }

    /// The version of each of the model's keys. They are of one byte, so that a range that was split after the key `k`
    /// begins at `k 00`, between the model's keys.
    fn apply(step: &Step, version: u64, tree: &mut WriteTree, model: &mut [u64; 30]) {
        let one = |number: u8| Bytes::copy_from_slice(&[number]);
        match *step {
            Step::Key(number) => {
                tree.write_key(&one(number), Version(version));
                model[usize::from(number)] = version;
            }
            Step::Range(begin, end) => {
                tree.write_range(&one(begin), &one(end), Version(version));
                (begin..end).for_each(|number| model[usize::from(number)] = version);
            }
            Step::Forget(upto) => {
                tree.forget(Version(upto));
                model.iter_mut().filter(|written| **written <= upto).for_each(|written| *written = 0);
            }
        }
    }

    proptest! {
        #[test]
        fn each_key_has_its_last_version(
            steps in proptest::collection::vec(step(), 0..40),
            probes in proptest::collection::vec((0u8..30, 0u8..30, 0u64..40), 8),
        ) {
            let (mut tree, mut model) = (WriteTree::default(), [0; 30]);
            for (version, step) in (1..).zip(&steps) {
                apply(step, version, &mut tree, &mut model);
            }
            for (begin, end, version) in probes {
                let version = Version(version);
                let is_newer = |number: u8| model[usize::from(number)] > version.0;
                prop_assert_eq!(tree.is_key_newer(&[begin], version), is_newer(begin));
                // From one key to just after another, so that the ends of ranges between them do not count.
                let expected = (begin..=end).any(is_newer);
                if begin <= end {
                    prop_assert_eq!(tree.is_range_newer(&[begin], &[end, 0], version), expected);
                }
            }
        }
    }
}
