//! `kill -9` under load: every acknowledged record is at its offset, no record is there twice, and producers go on.

use tokio::task::block_in_place;

use crate::{
    load::Load,
    metastores::{Metastore, on_each_metastore},
};

const KILLS: u64 = 3;
/// Batches to be acknowledged between two kills.
const BATCHES_PER_LIFE: u64 = 60;

on_each_metastore! {
    a_killed_server_loses_nothing_acknowledged_and_repeats_nothing,
}

async fn a_killed_server_loses_nothing_acknowledged_and_repeats_nothing(metastore: Metastore) {
    let mut server = metastore.start(&["--compaction-interval", "100ms", "--compaction-age", "0s"]);
    let load = Load::start(&server, "killed").await;
    for _ in 0..KILLS {
        load.progress(BATCHES_PER_LIFE);
        block_in_place(|| {
            server.kill();
            server.restart();
        });
    }
    load.finish(&server).await;
}
