//! Throttles producers while compaction falls behind.
//!
//! Owns: when the limit is set, and that it is logged. Does not own: the rule (`alluvium_model::compaction_load`), the
//! waiting ([`RateLimit`]), the loads, which compactors announce with their heartbeats.

use std::time::Duration;

use alluvium_metastore::nodes::{Node, Session};
use alluvium_model::compaction_load::produce_rate_limit;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::rate_limit::RateLimit;

/// Pause between two looks at the loads, which change with each heartbeat of a compactor.
const PAUSE: Duration = Duration::from_secs(1);

/// Sets `limit` by the loads of all live compactors until `cancel`, and lifts it then. `delay_max`: the longest delay
/// of compaction; zero: any.
pub async fn run(limit: RateLimit, session: Session, delay_max: Duration, cancel: CancellationToken) {
    let throttling = async {
        loop {
            update(&limit, &session, delay_max);
            sleep(PAUSE).await;
        }
    };
    let _ = cancel.run_until_cancelled(throttling).await;
    limit.set(None);
}

fn update(limit: &RateLimit, session: &Session, delay_max: Duration) {
    let live = session.live();
    let loads = live.iter().map(|node| node.compaction);
    let agents = live.iter().filter_map(Node::candidate).count();
    let new = produce_rate_limit(loads, agents, delay_max);
    match (limit.get(), new) {
        (None, Some(bytes_per_second)) => tracing::warn!(
            bytes_per_second,
            "compaction falls behind (--compaction-delay-max); producers of this agent are throttled"
        ),
        (Some(_), None) => tracing::info!(
            "compaction is no longer behind, or its rate is not known; producers are not throttled any more"
        ),
        _ => {}
    }
    limit.set(new);
}
