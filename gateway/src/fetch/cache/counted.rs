//! Caches of few things of about one size.

use std::hash::Hash;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, UnitWeighter};

/// Keeps `items_max` of them. In one shard: which of several a key falls into, and so what has to go for it, would differ
/// from run to run, and a simulation with it. A lookup is nothing against what it saves.
pub fn counted<K: Hash + Eq + Clone, V: Clone>(items_max: usize) -> Cache<K, V> {
    let options = OptionsBuilder::new()
        .estimated_items_capacity(items_max)
        .weight_capacity(items_max as u64)
        .shards(1)
        .build()
        .expect("both capacities are given");
    Cache::with_options(options, UnitWeighter, DefaultHashBuilder::default(), DefaultLifecycle::default())
}
