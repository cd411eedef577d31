//! Checking keeps up with what a run records.

use std::sync::OnceLock;
use std::time::Duration;

use super::history_builder::{HistoryBuilder, SendOptions};
use crate::{
    checker::check,
    history::{EventKind, Outcome},
};
use alluvium_model::Offset;
use tokio::time::Instant;

/// Events per second of processor time, even unoptimised; optimised it is some hundred times as many.
const EVENTS_PER_SECOND_MIN: u32 = 2_000;
const ROUNDS: u64 = 20_000;

#[test]
fn a_long_history_is_checked_quickly() {
    let mut builder = HistoryBuilder::default();
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        let base = i64::try_from(round).unwrap() * 2;
        let actor = u32::try_from(round % 50).unwrap();
        let how = SendOptions {
            actor,
            connection: u64::from(actor),
            producer: Some(i64::from(actor)),
            ..SendOptions::default()
        };
        builder.send_as(how, round, &[round * 2, round * 2 + 1]);
        builder.ack(round, base);
        let records = [(base, round * 2), (base + 1, round * 2 + 1)];
        for consumer in 100..104 {
            builder.poll(consumer, base, &records);
        }
        builder.commit(Some(base), Outcome::Done);
        builder.fetch(Some(base));
        all.extend(records);
    }
    for agent in 0..2 {
        let back = builder.readback_of(agent, &all);
        assert_eq!(back.high_watermark, Offset(i64::try_from(ROUNDS).unwrap() * 2));
        builder.record(0, EventKind::Readback(back));
    }
    let events = u32::try_from(builder.history.events.len()).unwrap();
    let started = processor_time();
    assert_eq!(check(&builder.history), []);
    let limit = Duration::from_secs(1) * events / EVENTS_PER_SECOND_MIN;
    let taken = processor_time().saturating_sub(started);
    assert!(taken < limit, "{events} events in {taken:?}");
    println!("{events} events checked in {taken:?}");
}

/// Processor time of this thread: how busy the machine is must not matter. Real time on systems other than Linux.
fn processor_time() -> Duration {
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    let count = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = count.as_deref().and_then(|count| count.split(' ').next()).and_then(|nanos| nanos.parse().ok());
    let real_time = || BEGINNING.get_or_init(Instant::now).elapsed();
    nanos.map_or_else(real_time, Duration::from_nanos)
}
