//! Decides, after a crash of the embedded metastore, whether the segments of its last commit survived.

use std::{io, path::Path, sync::Arc};

use alluvium_metastore::kv::{ObjectName, ObjectWitness};
use alluvium_objects::LocalDirectory;
use alluvium_segment::Footer;

use crate::config::StoreLocation;

/// Reads segments in a local directory and checks their checksums.
#[derive(Debug)]
pub struct SegmentWitness {
    directory: LocalDirectory,
    store: String,
}

impl SegmentWitness {
    /// A witness for commits in the directory `metastore` that name objects in `store`; `None` unless that is a
    /// directory in the same file system: what is not mounted did not survive either, as far as anybody can see.
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
    use alluvium_runtime::{Rng, SeededRng};
    use alluvium_segment::{BatchFacts, BatchInput, RunInput};
    use bytes::Bytes;

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

    /// What a power cut may make of a file that was not synced.
    fn damage(file: &mut Vec<u8>, mut below: impl FnMut(usize) -> usize) {
        let (length, start) = (file.len(), below(file.len()));
        match below(4) {
            0 => file.truncate(start),
            1 => file.iter_mut().skip(start).take(512).for_each(|byte| *byte = 0),
            2 => file[start] ^= 1,
            _ => file.resize(length + 1 + start, 0),
        }
    }

    fn witness(scratch: &tempfile::TempDir) -> Arc<dyn ObjectWitness> {
        let store = StoreLocation::Local { directory: scratch.path().to_owned() };
        SegmentWitness::of(&store, scratch.path()).expect("it exists")
    }

    #[test]
    fn a_segment_survives_only_if_every_byte_of_it_does() {
        for seed in 0..300 {
            let rng = SeededRng::new(seed);
            let below = |bound: usize| usize::try_from(rng.next_u64() % bound as u64).unwrap();
            let scratch = tempfile::tempdir().unwrap();
            let whole = segment(1 + below(5_000));
            let object = ObjectName { key: "00.seg".to_owned(), bytes: whole.len() as u64 };
            let witness = witness(&scratch);
            assert!(!witness.has_survived(&object).unwrap(), "seed {seed}: it is absent");
            fs::write(scratch.path().join("00.seg"), &whole).unwrap();
            assert!(witness.has_survived(&object).unwrap(), "seed {seed}: it is whole");
            let mut file = whole.clone();
            damage(&mut file, below);
            fs::write(scratch.path().join("00.seg"), &file).unwrap();
            // The first 16 bytes name the format and, in the last four, the writer, which nobody reads.
            let is_whole = file.get(..12) == whole.get(..12) && file.get(16..) == whole.get(16..);
            assert_eq!(witness.has_survived(&object).unwrap(), is_whole, "seed {seed}");
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
