//! Cost of one batch when it is produced and fetched, without the sockets: a regression here affects every request.
//! `cargo bench -p alluvium-wire`.

use alluvium_wire::batch::{Batch, BatchBuilder, Compression};
use alluvium_wire::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use alluvium_wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use alluvium_wire::{Message, Reader, RecordsField, Writer, frame};
use bytes::Bytes;
use divan::{Bencher, counter::BytesCount};

/// Sizes of the batch in bytes: the default of Java producers, and a usual setting of busy ones.
const BATCH_BYTES: [usize; 2] = [16 << 10, 64 << 10];
const RECORD_BYTES: usize = 1 << 10;
const PARTITIONS: i32 = 8;
const PRODUCE_VERSION: i16 = 13;
const FETCH_VERSION: i16 = 17;

fn main() {
    divan::main();
}

fn build(bytes: usize) -> Bytes {
    let value = vec![7; RECORD_BYTES];
    let mut builder = BatchBuilder::new(Compression::None, 0).expecting(bytes).producer(1, 0, 0);
    for offset in (0..).take(bytes / RECORD_BYTES) {
        builder.push(offset, 1_790_000_000_000, None, Some(&value), []).expect("a few small records fit a batch");
    }
    builder.finish()
}

fn batch(bytes: usize) -> Batch {
    Batch::exactly_one(build(bytes)).expect("what the builder made is a batch")
}

#[divan::bench(args = BATCH_BYTES)]
fn build_batch(bencher: Bencher, bytes: usize) {
    bencher.counter(BytesCount::new(bytes)).bench(|| build(bytes));
}

#[divan::bench(args = BATCH_BYTES)]
fn decode_produce(bencher: Bencher, bytes: usize) {
    let data = |index| PartitionProduceData { index, records: Some(build(bytes)) };
    let topic = TopicProduceData { partition_data: (0..PARTITIONS).map(data).collect(), ..Default::default() };
    let request = ProduceRequest { topic_data: vec![topic], acks: -1, ..Default::default() };
    let mut writer = Writer::new();
    request.encode(&mut writer, PRODUCE_VERSION).expect("a request of one topic can be encoded");
    let body = writer.into_bytes();
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        ProduceRequest::decode(&mut Reader::new(body.clone()), PRODUCE_VERSION).expect("it was just encoded")
    });
}

#[divan::bench(args = BATCH_BYTES)]
fn parse_and_validate(bencher: Bencher, bytes: usize) {
    let records = build(bytes);
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let batch = Batch::exactly_one(records.clone()).expect("what the builder made is a batch");
        batch.validate().expect("and a valid one");
        batch
    });
}

#[divan::bench(args = BATCH_BYTES)]
fn rebase(bencher: Bencher, bytes: usize) {
    let batch = batch(bytes);
    bencher.bench(|| batch.rebased(1 << 40, 0));
}

#[divan::bench(args = BATCH_BYTES)]
fn encode_fetch(bencher: Bencher, bytes: usize) {
    let batch = batch(bytes);
    let partition = |partition_index| PartitionData {
        partition_index,
        records: Some(RecordsField::new(batch.rebased(1 << 40, 0).into())),
        ..Default::default()
    };
    let topic = FetchableTopicResponse { partitions: (0..PARTITIONS).map(partition).collect(), ..Default::default() };
    let response = FetchResponse { responses: vec![topic], ..Default::default() };
    bencher
        .counter(BytesCount::new(bytes * PARTITIONS.unsigned_abs() as usize))
        .bench(|| frame::encode_response(FETCH_VERSION, 1, &response).expect("a small answer can be encoded"));
}
