//! An agent that alone cannot use the bucket sends its clients to others, and comes back by itself.

use std::sync::Arc;
use std::time::Duration;

use alluvium_objects::faults::{Fault, FaultRule, Faults};
use tokio::time::{Instant, timeout};

use super::world::{TIMEOUT, World, batch, fetch, produce, read_all, records, wait_for_nodes};
use crate::agent::Agent;
use crate::live_agents::LiveAgents;
use crate::produce::ProduceError;

/// From the fault to the moment at which every agent names the others: 1.5 s until the bucket is probed, two probes of
/// 1 s with a pause of 0.5 s between them, a heartbeat of this agent and a reading of the others.
const SENT_ELSEWHERE_WITHIN: Duration = Duration::from_millis(5_500);
/// From the end of the fault to the moment at which every agent names this one again: the longest pause between two
/// probes, 2 s of probes that succeed, and heartbeats.
const BACK_WITHIN: Duration = Duration::from_secs(8);

type OwnAccess = (Arc<Agent>, Faults);

async fn two_agents(world: &World) -> [OwnAccess; 2] {
    let agents = [world.agent_with_own_bucket_access().await, world.agent_with_own_bucket_access().await];
    for (agent, _) in &agents {
        wait_for_nodes(agent, 2).await;
    }
    agents
}

fn advertised(agent: &Agent) -> Vec<i32> {
    LiveAgents::of(&agent.session).agents().map(|node| node.id.0).collect()
}

/// Waits until all of `agents` advertise `ids`. Returns how long that took.
async fn until_advertised(agents: &[OwnAccess; 2], ids: &[i32]) -> Duration {
    let began = Instant::now();
    for (agent, _) in agents {
        let mut changes = agent.session.changes();
        while advertised(agent) != ids {
            let changed = timeout(TIMEOUT, changes.changed()).await;
            changed.expect("states change in time").expect("the session lives");
        }
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn clients_of_an_agent_that_alone_cannot_use_the_bucket_go_elsewhere_until_it_can() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let agents = two_agents(&world).await;
    let [(a, faults), (b, _)] = &agents;
    produce(a, partition, batch(&["before"])).await.expect("acknowledged");
    faults.inject(FaultRule::always(Fault::Hang));
    let began = Instant::now();
    let refused = produce(a, partition, batch(&["refused"])).await.expect_err("the bucket does not answer");
    assert_eq!(refused, ProduceError::Degraded);
    until_advertised(&agents, &[1]).await;
    assert!(began.elapsed() <= SENT_ELSEWHERE_WITHIN, "{:?}", began.elapsed());
    let reason = a.bucket_watch.degraded_reason().expect("it says why");
    assert!(reason.contains("object store"), "{reason}");
    // From now on nobody waits there.
    let began = Instant::now();
    assert_eq!(produce(a, partition, batch(&["refused"])).await, Err(ProduceError::Degraded));
    produce(b, partition, batch(&["elsewhere"])).await.expect("acknowledged");
    assert!(fetch(a, partition, 1).await.error.is_some(), "what it does not have in memory it cannot read");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    faults.heal();
    let took = until_advertised(&agents, &[0, 1]).await;
    assert!(took <= BACK_WITHIN, "{took:?}");
    assert_eq!(a.bucket_watch.degraded_reason(), None);
    produce(a, partition, batch(&["after"])).await.expect("acknowledged");
    assert_eq!(records(&fetch(a, partition, 1).await)[0], (1, "elsewhere".into()));
    let values: Vec<String> = read_all(b, partition).await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["before", "elsewhere", "after"]);
}

#[tokio::test(start_paused = true)]
async fn if_no_agent_can_use_the_bucket_all_stay_advertised_and_go_on_trying() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let agents = two_agents(&world).await;
    for (_, faults) in &agents {
        faults.inject(FaultRule::always(Fault::Unavailable));
    }
    while agents.iter().any(|(agent, _)| agent.bucket_watch.degraded_reason().is_none()) {
        for (agent, _) in &agents {
            produce(agent, partition, batch(&["refused"])).await.expect_err("the bucket is down");
        }
    }
    until_advertised(&agents, &[0, 1]).await;
    for (agent, _) in &agents {
        let refused = produce(agent, partition, batch(&["refused"])).await.expect_err("the bucket is down");
        assert!(matches!(refused, ProduceError::Upload(_)), "it was tried: {refused}");
    }
    for (agent, faults) in &agents {
        faults.heal();
        produce(agent, partition, batch(&["at once"])).await.expect("acknowledged");
    }
    while agents.iter().any(|(agent, _)| agent.bucket_watch.degraded_reason().is_some()) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    until_advertised(&agents, &[0, 1]).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_the_only_one_says_that_it_is_degraded_and_serves_on() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let (agent, faults) = world.agent_with_own_bucket_access().await;
    faults.inject(FaultRule::always(Fault::Hang));
    let refused = produce(&agent, partition, batch(&["refused"])).await.expect_err("the bucket does not answer");
    assert!(matches!(refused, ProduceError::Upload(_)), "{refused}");
    assert!(agent.bucket_watch.degraded_reason().is_some());
    assert_eq!(advertised(&agent), [0]);
    faults.heal();
    produce(&agent, partition, batch(&["at once"])).await.expect("acknowledged");
}

#[tokio::test(start_paused = true)]
async fn a_degraded_agent_that_drains_drains_to_its_end() {
    let world = World::new().await;
    let agents = two_agents(&world).await;
    let [(a, _), (b, _)] = &agents;
    a.session.set_degraded(true).await;
    until_advertised(&agents, &[1]).await;
    a.session.drain().await;
    a.session.set_degraded(false).await;
    until_advertised(&agents, &[1]).await;
    b.session.set_degraded(true).await;
    until_advertised(&agents, &[1]).await;
}
