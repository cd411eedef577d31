//! Decoded records: how many one call returns.

use alluvium_model::Offset;
use alluvium_wire::batch::{Batch, BatchBuilder, Compression};

use crate::tests::world::{World, produce};

#[tokio::test(start_paused = true)]
async fn records_count_by_their_decompressed_size() {
    const VALUE_BYTES: usize = 1 << 20;
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    for _ in 0..3 {
        let mut builder = BatchBuilder::new(Compression::Zstd, 0);
        for offset in 0..12 {
            builder.push(offset, 0, None, Some(&[0; VALUE_BYTES]), []).expect("it fits");
        }
        let batch = Batch::exactly_one(builder.finish()).expect("what was built is a batch");
        assert!(batch.len() < VALUE_BYTES / 10);
        produce(&agent, partition, batch).await.expect("acknowledged");
    }
    let mut next = Offset(0);
    while next < Offset(36) {
        let records = agent.fetch.read_records(partition, next, 1_000).await.expect("readable");
        assert_eq!(records.first().map(|record| record.offset), Some(next));
        let bytes: usize = records.iter().flat_map(|record| &record.value).map(bytes::Bytes::len).sum();
        assert!(bytes <= 9 * VALUE_BYTES, "{bytes} bytes");
        next = records.last().expect("there is one").offset.plus(1);
    }
}
