//! A reader without a group: reads partitions by offset, and changes to another partition or offset from time to time.

use std::time::Duration;

use alluvium_model::Offset;
use tokio::time::sleep;

use super::{Client, Fetched, Fetcher, Reply};
use crate::history::{EventKind, Position};

/// Fewest and most fetches before it changes to another place.
const FETCHES_PER_TURN: (usize, usize) = (3, 40);
/// Records of one answer that a reader processes in no time.
const FREE_RECORDS: usize = 256;
/// Time that it takes for each record of a larger answer: without it, one reader reads a long log again and again, and
/// the history of the run takes gigabytes.
const RECORD_TIME: Duration = Duration::from_micros(100);

/// Reads until it is stopped.
pub async fn read(client: Client) {
    let mut routes = client.routes();
    while !client.stop.is_cancelled() {
        let Ok(topic) = routes.topic(&client.topic()).await else { continue };
        let fetcher = Fetcher {
            topic,
            max_wait: client.rng.time(Duration::from_millis(1), Duration::from_secs(2)),
            partition_bytes_max: client.rng.choose(&[1, 200, 1 << 20]),
            isolation: client.isolation(),
        };
        let partition = client.rng.count(0, fetcher.topic.leaders.len() - 1);
        // Its leader, or any other agent: each serves every partition.
        let address =
            if client.rng.chance(700) { fetcher.topic.leaders[partition].clone() } else { routes.current_address() };
        let partition = i32::try_from(partition).unwrap_or(0);
        follow(&client, &mut routes, &fetcher, &address, partition).await;
    }
}

/// Reads one partition for a while.
async fn follow(
    client: &Client,
    routes: &mut alluvium_client::ConnectionPool,
    fetcher: &Fetcher,
    address: &str,
    partition: i32,
) {
    let Ok(start) = fetcher.start(routes, address, partition).await else {
        client.think(Duration::from_millis(50), Duration::from_secs(1)).await;
        return;
    };
    let skipped = if client.rng.chance(500) { 0 } else { client.rng.below(100) };
    let mut next = start + i64::try_from(skipped).unwrap_or(0);
    let name = fetcher.name(partition);
    client.recorder.record(client.actor, EventKind::Positioned(Position { partition: name, to: Offset(next) }));
    let mut reached = None;
    for _ in 0..client.rng.count(FETCHES_PER_TURN.0, FETCHES_PER_TURN.1) {
        if client.stop.is_cancelled() {
            return;
        }
        let began = client.recorder.now();
        let Ok(fetched) = fetcher.fetch(routes, address, &[(partition, next)], began).await else { return };
        for Fetched { reply, .. } in fetched {
            match reply {
                Reply::Polled(poll) => {
                    next = poll.next.0;
                    reached = Some(next);
                    let records = poll.records.len();
                    client.recorder.record(client.actor, EventKind::Polled(poll));
                    if records > FREE_RECORDS {
                        sleep(RECORD_TIME * u32::try_from(records).unwrap_or(u32::MAX)).await;
                    }
                }
                Reply::OutOfRange => {
                    if let (Some(reached), Ok(start)) = (reached, fetcher.start(routes, address, partition).await) {
                        client.report_lost_position(name, reached, start);
                    }
                    return;
                }
                Reply::Refused(_) => {
                    client.think(Duration::from_millis(50), Duration::from_secs(1)).await;
                    return;
                }
            }
        }
    }
}
