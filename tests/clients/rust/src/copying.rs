//! Copies a topic until it is killed: the records and the offsets of the group are committed together.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use rdkafka::{
    ClientContext, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance},
    error::{KafkaError, KafkaResult},
    producer::Producer,
};

use crate::{POLL, Sender, WAIT, config, send, transactional};

/// Records of one transaction.
const BATCH_RECORDS_MAX: usize = 50;
/// Nothing more is waited for than this if there are records to copy.
const LINGER: Duration = Duration::from_millis(5);
/// One transaction of so many is aborted, and done again as if it had never been.
const ABORTED_EACH: u64 = 5;

/// Copies `source` to `sink`. A session that cannot go on is followed by another.
pub fn copy_all(bootstrap: &str, source: &str, sink: &str, group: &str, id: &str) {
    loop {
        let ended = Session::start(bootstrap, source, group, id).and_then(|mut session| session.copy_to(sink));
        println!("again, after {ended:?}");
    }
}

/// Counts rebalances. They take place within polls.
#[derive(Default)]
struct Rebalances(AtomicU64);

impl ClientContext for Rebalances {}

impl ConsumerContext for Rebalances {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Records that are copied in one transaction, and the offsets where each partition's begin and end.
#[derive(Default)]
struct Batch {
    values: Vec<Vec<u8>>,
    offsets: BTreeMap<i32, (i64, i64)>,
}

struct Session<'a> {
    source: &'a str,
    consumer: BaseConsumer<Rebalances>,
    sender: Sender,
    round: u64,
}

impl<'a> Session<'a> {
    fn start(bootstrap: &str, source: &'a str, group: &str, id: &str) -> KafkaResult<Self> {
        let settings = [
            ("group.id", group),
            ("enable.auto.commit", "false"),
            ("auto.offset.reset", "earliest"),
            ("isolation.level", "read_committed"),
            ("session.timeout.ms", "3000"),
            ("heartbeat.interval.ms", "500"),
        ];
        let sender = transactional(bootstrap, id, &[])?;
        let consumer: BaseConsumer<Rebalances> =
            config(bootstrap, &settings).create_with_context(Rebalances::default())?;
        consumer.subscribe(&[source])?;
        Ok(Self { source, consumer, sender, round: 0 })
    }

    /// Returns only if this session cannot go on.
    fn copy_to(&mut self, sink: &str) -> KafkaResult<()> {
        loop {
            let batch = self.collect()?;
            if batch.values.is_empty() {
                continue;
            }
            self.round += 1;
            match self.copy(sink, &batch) {
                Ok(()) if self.round.is_multiple_of(ABORTED_EACH) => self.abort(&batch)?,
                Ok(()) => println!("committed {}", batch.values.len()),
                Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {
                    println!("aborts after {error}");
                    self.abort(&batch)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next records, as many as are there. What was read before a rebalance is dropped: its partitions may be
    /// another member's, and whoever has them begins at the offsets that are committed.
    fn collect(&self) -> KafkaResult<Batch> {
        let mut batch = Batch::default();
        let rebalances = || self.consumer.context().0.load(Relaxed);
        let mut before = rebalances();
        while batch.values.len() < BATCH_RECORDS_MAX {
            let polled = self.consumer.poll(if batch.values.is_empty() { POLL } else { LINGER });
            if rebalances() != before {
                before = rebalances();
                batch = Batch::default();
            }
            match polled {
                Some(Ok(message)) => {
                    let next = message.offset() + 1;
                    batch.offsets.entry(message.partition()).or_insert((message.offset(), next)).1 = next;
                    batch.values.push(message.payload().unwrap_or_default().to_vec());
                }
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Err(error),
                Some(Err(error)) => println!("poll: {error}"),
                None => break,
            }
        }
        Ok(batch)
    }

    /// A transaction, which is committed unless it is one to abort.
    fn copy(&self, sink: &str, batch: &Batch) -> KafkaResult<()> {
        self.sender.begin_transaction()?;
        for value in &batch.values {
            send(&self.sender, sink, value)?;
        }
        let member = self.consumer.group_metadata().ok_or(KafkaError::Canceled)?;
        self.sender.send_offsets_to_transaction(&self.offsets(batch, |(_, next)| next)?, &member, WAIT)?;
        if self.round.is_multiple_of(ABORTED_EACH) {
            return self.sender.flush(WAIT);
        }
        self.sender.commit_transaction(WAIT)
    }

    /// Aborts the open transaction, and goes back to where the batch began.
    fn abort(&self, batch: &Batch) -> KafkaResult<()> {
        self.sender.abort_transaction(WAIT)?;
        let sought = self.consumer.seek_partitions(self.offsets(batch, |(first, _)| first)?, WAIT)?;
        sought.elements().iter().try_for_each(|partition| partition.error())
    }

    fn offsets(&self, batch: &Batch, of: impl Fn((i64, i64)) -> i64) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (partition, range) in &batch.offsets {
            list.add_partition_offset(self.source, *partition, Offset::Offset(of(*range)))?;
        }
        Ok(list)
    }
}
