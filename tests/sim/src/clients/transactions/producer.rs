//! A transactional producer: commits most of its transactions, aborts some, and leaves some open.

use std::collections::BTreeMap;
use std::time::Duration;

use alluvium_client::TopicLayout;

use super::super::Client;
use super::session::{Failed, Session, TransactionalPlan};

/// Most rounds of batches in one transaction.
const ROUNDS_MAX: usize = 3;
/// Most partitions in one round.
const PARTITIONS_MAX: usize = 3;

/// Runs transactions until it is stopped.
pub async fn transact(client: Client, plan: TransactionalPlan) {
    let mut session = Session::new(&client, plan);
    while !client.stop.is_cancelled() {
        if !session.is_ready() && !session.init().await {
            client.think(Duration::from_millis(100), Duration::from_secs(2)).await;
            continue;
        }
        if transaction(&client, &mut session).await.is_err() {
            session.fail();
            client.think(Duration::from_millis(10), Duration::from_secs(5)).await;
        }
        client.think(Duration::from_millis(1), session.plan.think_max).await;
    }
}

async fn transaction(client: &Client, session: &mut Session<'_>) -> Result<(), Failed> {
    session.begin()?;
    for _ in 0..client.rng.count(1, ROUNDS_MAX) {
        let places = places(client, session, None).await;
        if let Err(failed) = session.write(places).await {
            // As a careful client does; another one leaves it to the timeout or to its next epoch.
            if client.rng.chance(500) && session.open().is_some() {
                let _ = session.end(false).await;
            }
            return Err(failed);
        }
        if client.rng.chance(500) {
            client.think(Duration::from_millis(1), session.plan.think_max).await;
        }
    }
    match client.rng.below(20) {
        0 => {
            // Whoever comes next finds it open, or timed out.
            client.think(Duration::from_millis(1), 2 * session.plan.timeout).await;
            if client.rng.chance(500) { session.end(true).await } else { Err(session.fail()) }
        }
        1..5 => session.end(false).await,
        _ => session.end(true).await,
    }
}

/// Some partitions of `topic`, or of any topic, each once.
pub(super) async fn places(client: &Client, session: &mut Session<'_>, topic: Option<&str>) -> Vec<(TopicLayout, i32)> {
    let mut places = BTreeMap::new();
    for _ in 0..client.rng.count(1, PARTITIONS_MAX) {
        let name = topic.map_or_else(|| client.topic(), str::to_owned);
        if let Ok(layout) = session.transactions.connections().topic(&name).await {
            let partition = i32::try_from(client.rng.count(0, layout.leaders.len() - 1)).unwrap_or(0);
            places.insert((layout.id, partition), layout);
        }
    }
    places.into_iter().map(|((_, partition), layout)| (layout, partition)).collect()
}
