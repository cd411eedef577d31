//! The block cache: blocks are aligned, loaded once, and loaded together if adjacent.

use std::sync::atomic::Ordering;

use alluvium_model::ObjectId;
use alluvium_objects::{Objects, ObjectsConfig};
use bytes::Bytes;
use futures::future::join_all;

use crate::fetch::LoadError;
use crate::fetch::cache::{BlockCache, ObjectRef};
use crate::metrics::Metrics;

const BLOCK: u64 = 1_000;
const SIZE: u64 = 7_500;
const OBJECT: ObjectRef<'_> = ObjectRef { id: ObjectId([0; 16]), key: "object" };
const ABSENT: ObjectRef<'_> = ObjectRef { id: ObjectId([1; 16]), key: "absent" };

fn content() -> Bytes {
    (0..SIZE).map(|n| u8::try_from(n % 251).expect("below 251")).collect::<Vec<u8>>().into()
}

async fn cache(bytes_max: u64) -> (Objects, BlockCache) {
    let objects = Objects::memory(ObjectsConfig::default());
    objects.put("object", vec![content()]).await.expect("put");
    let cache = BlockCache::with_blocks(objects.clone(), bytes_max, BLOCK, Metrics::default());
    (objects, cache)
}

fn gets(objects: &Objects) -> u64 {
    objects.usage().gets.load(Ordering::Relaxed)
}

async fn read(cache: &BlockCache, range: std::ops::Range<u64>) -> Result<Bytes, LoadError> {
    cache.read(OBJECT, SIZE, range).await.map(|slices| slices.concat().into())
}

#[tokio::test]
async fn any_range_is_read_exactly() {
    let (_, cache) = cache(100_000).await;
    for range in [0..1, 999..1_001, 0..SIZE, 7_400..SIZE, 3_000..4_000, 10..10] {
        let start = usize::try_from(range.start).expect("small");
        let end = usize::try_from(range.end).expect("small");
        assert_eq!(read(&cache, range).await, Ok(content().slice(start..end)));
    }
}

#[tokio::test]
async fn adjacent_blocks_are_loaded_together_and_only_once() {
    let (objects, cache) = cache(100_000).await;
    read(&cache, 500..3_500).await.expect("readable");
    assert_eq!(gets(&objects), 1);
    // Blocks 0 to 3 are cached; 4 to 7 are loaded by one GET.
    read(&cache, 0..SIZE).await.expect("readable");
    assert_eq!(gets(&objects), 2);
    read(&cache, 0..SIZE).await.expect("readable");
    assert_eq!(gets(&objects), 2);
}

#[tokio::test]
async fn many_readers_share_one_load() {
    let (objects, cache) = cache(100_000).await;
    let reads = (0..50).map(|n| read(&cache, n * 10..n * 10 + 400));
    assert!(join_all(reads).await.iter().all(Result::is_ok));
    assert_eq!(gets(&objects), 1);
    let wholes = (0..50).map(|n| cache.read_whole(OBJECT, n..n + 5));
    assert!(join_all(wholes).await.iter().all(Result::is_ok));
    assert_eq!(objects.usage().get_bytes.load(Ordering::Relaxed), BLOCK + SIZE);
}

#[tokio::test]
async fn overlapping_readers_do_not_deadlock() {
    let (_, cache) = cache(2_000).await;
    let reads = (0..200_u64).map(|n| read(&cache, (n * 37) % 5_000..(n * 37) % 5_000 + 2_400));
    assert!(join_all(reads).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn the_cache_stays_within_its_budget() {
    let (_, cache) = cache(3_000).await;
    for start in 0..7 {
        read(&cache, start * 1_000..start * 1_000 + 10).await.expect("readable");
    }
    assert!(cache.bytes() <= 3_000);
}

#[tokio::test]
async fn ranges_beyond_the_end_are_corruption_and_absent_objects_are_gone() {
    let (_, cache) = cache(100_000).await;
    assert!(matches!(read(&cache, 0..SIZE + 1).await, Err(LoadError::Corrupt(_))));
    let beyond = cache.read_whole(OBJECT, 0..SIZE + 1).await;
    assert!(matches!(beyond, Err(LoadError::Corrupt(_))));
    let absent = cache.read(ABSENT, SIZE, 0..1).await;
    assert!(matches!(absent, Err(LoadError::NotFound(_))));
    // A failed load is not cached.
    assert!(matches!(cache.read_whole(ABSENT, 0..1).await, Err(LoadError::NotFound(_))));
}
