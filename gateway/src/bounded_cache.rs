//! In-memory caches with an upper bound: every cache of this crate is built here.
//!
//! Each has one shard. With several, the shard of a key, and so the entry evicted for it, would differ from run to run
//! and a simulation with it; and a shard's part of the bound could be smaller than one entry. The lock of the one shard
//! costs nothing compared with the read that a hit saves.

use std::hash::Hash;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, UnitWeighter, Weighter};

/// A cache whose entries weigh at most `weight_max` together, in the unit of `weighter`. `items_estimated` sizes its
/// tables.
pub fn by_weight<K, V, W>(weight_max: u64, items_estimated: usize, weighter: W) -> Cache<K, V, W>
where
    K: Hash + Eq + Clone,
    V: Clone,
    W: Weighter<K, V> + Clone,
{
    let options = OptionsBuilder::new()
        .estimated_items_capacity(items_estimated)
        .weight_capacity(weight_max)
        .shards(1)
        .build()
        .expect("both capacities are given");
    Cache::with_options(options, weighter, DefaultHashBuilder::default(), DefaultLifecycle::default())
}

/// A cache of at most `items_max` entries, for small values of about one size.
pub fn by_count<K: Hash + Eq + Clone, V: Clone>(items_max: usize) -> Cache<K, V> {
    by_weight(items_max as u64, items_max, UnitWeighter)
}
