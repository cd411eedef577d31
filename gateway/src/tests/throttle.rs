//! Producers are throttled while compactors announce that they are behind.

use std::time::Duration;

use alluvium_model::CompactionLoad;
use tokio::time::{Instant, sleep, timeout};

use crate::agent::Agent;
use crate::config::AgentConfig;
use crate::tests::world::{World, batch, produce};

const MIB: u64 = 1 << 20;
/// What takes 200 s to compact.
const BEHIND: CompactionLoad = CompactionLoad { waiting_bytes: 4_000 * MIB, bytes_per_second: 20 * MIB };

/// Waits until the limit of `agent` is `expected` MiB/s.
async fn wait_for_limit(agent: &Agent, expected: Option<u64>) {
    let reached = async {
        while agent.produce.rate_limit().get().map(|bytes| bytes / MIB) != expected {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(60), reached).await.expect("the limit changes in time");
}

#[tokio::test(start_paused = true)]
async fn agents_share_what_compaction_can_do_until_it_has_caught_up() {
    let world = World::new().await;
    let [a, b] = world.agents().await;
    wait_for_limit(&a.agent, None).await;
    b.agent.session.set_compaction(BEHIND);
    wait_for_limit(&a.agent, Some(9)).await;
    wait_for_limit(&b.agent, Some(9)).await;

    let start = Instant::now();
    for _ in 0..90 {
        drop(a.agent.produce.admit(MIB as usize).await.expect("the agent does not drain"));
    }
    let taken = start.elapsed();
    assert!((9..=11).contains(&taken.as_secs()), "90 MiB at 9 MiB/s took {taken:?}");
    assert!(a.agent.produce.is_throttling());

    b.agent.session.set_compaction(CompactionLoad::default());
    wait_for_limit(&a.agent, None).await;
    assert!(!a.agent.produce.is_throttling());
}

#[tokio::test(start_paused = true)]
async fn a_compactor_that_died_throttles_nobody() {
    let world = World::new().await;
    let [a, b] = world.agents().await;
    b.agent.session.set_compaction(BEHIND);
    wait_for_limit(&a.agent, Some(9)).await;
    b.kill();
    wait_for_limit(&a.agent, None).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_without_a_longest_delay_throttles_nobody() {
    let world = World::new().await;
    let agent = world.agent_with(AgentConfig { compaction_delay_max: Duration::ZERO, ..AgentConfig::default() }).await;
    agent.session.set_compaction(BEHIND);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(agent.produce.rate_limit().get(), None);
    let partition = world.topic("orders", 1).await[0];
    produce(&agent, partition, batch(&["a"])).await.expect("acknowledged");
}
