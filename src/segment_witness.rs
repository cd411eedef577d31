//! Decides, after a crash of the embedded metastore, whether the segments of its last commit survived.

use std::{io, path::Path, sync::Arc};

use alluvium_metastore::kv::{ObjectName, ObjectWitness};
use alluvium_objects::{LocalDirectory, StoreLocation};
use alluvium_segment::Footer;

/// Reads segments in a local directory and checks their checksums.
#[derive(Debug)]
pub struct SegmentWitness {
    directory: LocalDirectory,
    store: String,
}

impl SegmentWitness {
    /// A witness for commits in the directory `metastore` that name objects in `store`; `None` unless that is a directory
    /// in the same file system: what is not mounted did not survive either, as far as anybody can see.
    pub fn of(store: &StoreLocation, metastore: &Path) -> Option<Arc<dyn ObjectWitness>> {
        let StoreLocation::Local { directory } = store else { return None };
        let directory = LocalDirectory::open(directory).ok()?;
        directory.shares_file_system(metastore).ok().filter(|shares| *shares)?;
        let store = directory.path().to_str()?.to_owned();
        Some(Arc::new(Self { directory, store }))
    }
}

impl ObjectWitness for SegmentWitness {
    fn store(&self) -> &str {
        &self.store
    }

    fn has_survived(&self, object: &ObjectName) -> io::Result<bool> {
        let found = self.directory.read_durably(&object.key)?;
        Ok(found.is_some_and(|bytes| bytes.len() as u64 == object.bytes && Footer::verify_whole(&bytes).is_ok()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use alluvium_model::{PartitionIndex, Timestamp, TopicId, TopicPartition};
    use alluvium_segment::{BatchFacts, BatchInput, RunInput};
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    /// The bytes of a segment with two runs.
    fn segment(batch_bytes: usize) -> Vec<u8> {
        let facts = BatchFacts { records: 1, timestamps: (Timestamp(1), Timestamp(2)), producer: None };
        let run = |index| RunInput {
            partition: TopicPartition::new(TopicId::default(), PartitionIndex(index)),
            batches: vec![BatchInput { parts: [Bytes::from(vec![7; batch_bytes]), Bytes::from_static(b"end")], facts }],
        };
        alluvium_segment::encode(1, Timestamp(3), vec![run(0), run(1)]).expect("two runs").parts.concat()
    }

    /// What a power cut made of a file that was not synced.
    #[derive(Clone, Debug)]
    enum Damage {
        CutAt(usize),
        ZeroedFrom { start: usize, bytes: usize },
        Flipped(usize),
        Longer(usize),
    }

    fn damage() -> impl Strategy<Value = Damage> {
        prop_oneof![
            (0_usize..20_000).prop_map(Damage::CutAt),
            (0_usize..20_000, 1_usize..9_000).prop_map(|(start, bytes)| Damage::ZeroedFrom { start, bytes }),
            (0_usize..20_000).prop_map(Damage::Flipped),
            (1_usize..5_000).prop_map(Damage::Longer),
        ]
    }

    impl Damage {
        fn apply(&self, file: &mut Vec<u8>) {
            let length = file.len();
            match *self {
                Self::CutAt(at) => file.truncate(at % length),
                Self::ZeroedFrom { start, bytes } => file.iter_mut().skip(start % length).take(bytes).for_each(|b| *b = 0),
                Self::Flipped(at) => file[at % length] ^= 1,
                Self::Longer(bytes) => file.resize(length + bytes, 0),
            }
        }
    }

    fn witness(scratch: &tempfile::TempDir) -> Arc<dyn ObjectWitness> {
        let store = StoreLocation::Local { directory: scratch.path().to_owned() };
        SegmentWitness::of(&store, scratch.path()).expect("it exists")
    }

    proptest! {
        #[test]
        fn a_segment_survives_only_if_every_byte_of_it_does(batch_bytes in 1_usize..9_000, damage in damage()) {
            let scratch = tempfile::tempdir().expect("a directory");
            let whole = segment(batch_bytes);
            let object = ObjectName { key: "00.seg".to_owned(), bytes: whole.len() as u64 };
            let witness = witness(&scratch);
            prop_assert!(!witness.has_survived(&object).expect("absent"));
            let mut file = whole.clone();
            damage.apply(&mut file);
            fs::write(scratch.path().join("00.seg"), &file).expect("written");
            // The first 16 bytes name the format and the writer; the writer is not read.
            let is_whole = file[..12.min(file.len())] == whole[..12] && file.get(16..) == whole.get(16..);
            prop_assert_eq!(witness.has_survived(&object).expect("read"), is_whole, "{:?}", damage);
        }
    }

    #[test]
    fn only_a_directory_of_the_same_file_system_has_a_witness() {
        let scratch = tempfile::tempdir().unwrap();
        let local = |path: &Path| StoreLocation::Local { directory: path.to_owned() };
        assert!(SegmentWitness::of(&local(scratch.path()), scratch.path()).is_some());
        assert!(SegmentWitness::of(&local(&scratch.path().join("missing")), scratch.path()).is_none());
        assert!(SegmentWitness::of(&StoreLocation::Memory, scratch.path()).is_none());
        #[cfg(target_os = "linux")]
        assert!(SegmentWitness::of(&local(Path::new("/proc")), scratch.path()).is_none());
    }
}
