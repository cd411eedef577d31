//! Agents of a zone share what they load: how many GETs they need, and what a reader notices if an owner is slow,
//! unreachable or sends wrong bytes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use alluvium_metastore::nodes::Endpoint;
use alluvium_model::{ObjectId, Offset};
use futures::future::join_all;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::peer_network::{
    Behaviour, ROUNDS, agent, agents, all_read, file, gets, history, reads_history, write_segments,
};
use super::world::{TIMEOUT, World, batch, produce, read_all, wait_for_nodes};
use crate::agent::Agent;
use crate::fetch::ServeError;
use crate::http::Listener;
use crate::peers::{BlockName, HEDGE_AFTER, HttpPeers, PEER_BACKOFF, PeerBlocks, PeerError};

#[tokio::test(start_paused = true)]
async fn an_agent_of_another_zone_loads_each_segment_once_for_all_its_readers() {
    let world = World::new().await;
    let (network, agents) = agents(&world, &["a", "b"]).await;
    let (segments, partitions) = write_segments(&world, &agents[0]).await;
    // Ten consumers per partition at the same agent.
    let readers: Vec<Arc<Agent>> = (0..10).map(|_| Arc::clone(&agents[1])).collect();
    all_read(&readers, &partitions).await;
    assert_eq!(gets(&world), segments);
    assert_eq!(network.requests(), 0, "an agent that is alone in its zone asks no other");
}

#[tokio::test(start_paused = true)]
async fn the_writers_zone_needs_no_get_and_every_other_zone_one_get_per_segment() {
    let world = World::new().await;
    let (_, agents) = agents(&world, &["a", "a", "a", "b", "b", "b"]).await;
    let (segments, partitions) = write_segments(&world, &agents[0]).await;
    all_read(&agents[..3], &partitions).await;
    assert_eq!(gets(&world), 0);
    all_read(&agents[3..], &partitions).await;
    assert_eq!(gets(&world), segments);
    all_read(&agents, &partitions).await;
    assert_eq!(gets(&world), segments, "what was read once is cached");
}

#[tokio::test(start_paused = true)]
async fn the_tail_of_what_another_agent_writes_is_read_without_the_metastore() {
    let world = World::new().await;
    let (_, agents) = agents(&world, &["a", "a", "b"]).await;
    let (_, partitions) = write_segments(&world, &agents[0]).await;
    all_read(&agents, &partitions).await;
    produce(&agents[0], partitions[0], batch(&["new"])).await.expect("acknowledged");
    for agent in &agents {
        let follows = async {
            while agent.metadata_cache.cached_head(partitions[0]).map(|head| head.next) != Some(Offset(6)) {
                agent.metadata_cache.watch([partitions[0]]).changed().await;
            }
        };
        timeout(TIMEOUT, follows).await.expect("the feed announces the commit");
        let transactions = world.metastore.db.metrics().transactions.load(Ordering::Relaxed);
        assert_eq!(read_all(agent, partitions[0]).await.len() as u64, ROUNDS + 1);
        assert_eq!(world.metastore.db.metrics().transactions.load(Ordering::Relaxed), transactions);
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_writer_a_segment_is_loaded_once_for_the_zone() {
    let world = World::new().await;
    let (_, agents) = agents(&world, &["a", "a", "a", "a"]).await;
    let (segments, partitions) = write_segments(&world, &agents[0]).await;
    agents[0].tasks.cancelled().cancel();
    for agent in &agents[1..] {
        wait_for_nodes(agent, 3).await;
    }
    all_read(&agents[1..], &partitions).await;
    assert_eq!(gets(&world), segments);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_gone_or_wrong_does_not_delay_readers_and_is_not_asked_for_a_while() {
    for behaviour in [Behaviour::Unreachable, Behaviour::Corrupts, Behaviour::Truncates] {
        let world = World::new().await;
        let (network, agents) = agents(&world, &["a", "a"]).await;
        let (segments, partitions) = write_segments(&world, &agents[0]).await;
        network.set_behaviour(behaviour);
        let begun = Instant::now();
        all_read(&agents[1..], &partitions).await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "{behaviour:?}");
        assert_eq!(gets(&world), segments, "{behaviour:?}");
        assert_eq!(network.requests(), 1, "{behaviour:?}: it is asked once and then not for a while");

        network.set_behaviour(Behaviour::Healthy);
        tokio::time::sleep(PEER_BACKOFF).await;
        produce(&agents[0], partitions[0], batch(&["later"])).await.expect("acknowledged");
        agents[1].metadata_cache.sync().await.expect("the metastore answers");
        assert_eq!(read_all(&agents[1], partitions[0]).await.len() as u64, ROUNDS + 1, "{behaviour:?}");
        assert_eq!((gets(&world), network.requests()), (segments, 2), "{behaviour:?}: it is asked again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_owner_delays_a_reader_once_by_the_hedge_delay() {
    let world = World::new().await;
    let (network, agents) = agents(&world, &["a", "a"]).await;
    let (segments, partitions) = write_segments(&world, &agents[0]).await;
    network.set_behaviour(Behaviour::Slow(Duration::from_secs(60)));
    let begun = Instant::now();
    all_read(&agents[1..], &partitions).await;
    assert_eq!(begun.elapsed(), HEDGE_AFTER);
    assert_eq!((gets(&world), network.requests()), (segments, 1));
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_of_an_owner_counts_if_the_store_fails() {
    let world = World::new().await;
    let (network, agents) = agents(&world, &["a", "a"]).await;
    let partition = world.topic("orders", 1).await[0];
    produce(&agents[0], partition, batch(&["one"])).await.expect("acknowledged");
    let late = HEDGE_AFTER * 2;
    network.set_behaviour(Behaviour::Slow(late));
    world.faults.inject(alluvium_objects::faults::FaultRule::always(alluvium_objects::faults::Fault::Unavailable));
    agents[1].metadata_cache.sync().await.expect("the metastore answers");
    let begun = Instant::now();
    assert_eq!(read_all(&agents[1], partition).await, [(0, "one".to_owned())]);
    assert!(begun.elapsed() >= late && begun.elapsed() < late * 2, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn history_is_loaded_once_for_a_zone() {
    let world = World::new().await;
    let (_, agents) = agents(&world, &["a", "a", "a"]).await;
    let partition = history(&world, &agents).await;
    let before = world.objects.usage().totals();
    for agent in &agents {
        reads_history(agent, partition).await;
    }
    let (size, after) = (file(&world, partition).await.2, world.objects.usage().totals());
    assert_eq!(after.get_bytes - before.get_bytes, size);
    assert_eq!(after.gets - before.gets, 1);
}

#[tokio::test(start_paused = true)]
async fn history_that_an_owner_sends_wrongly_is_read_from_the_store() {
    for behaviour in
        [Behaviour::Corrupts, Behaviour::Truncates, Behaviour::Unreachable, Behaviour::Slow(Duration::from_secs(60))]
    {
        let world = World::new().await;
        let (network, agents) = agents(&world, &["a", "a", "a"]).await;
        let partition = history(&world, &agents).await;
        network.set_behaviour(behaviour);
        join_all(agents.iter().chain(&agents).map(|agent| reads_history(agent, partition))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_asked_asks_no_other_and_a_wrong_size_corrupts_no_cache() {
    let world = World::new().await;
    let (network, agents) = agents(&world, &["a", "a", "a"]).await;
    let partition = history(&world, &agents).await;
    let (object, key, size) = file(&world, partition).await;
    for agent in &agents {
        for wrong in [size - 1, size + 1] {
            let name = BlockName::history(object, &key, 0..wrong).expect("a block");
            assert!(matches!(agent.fetch.serve_block(&name).await, Err(ServeError::Mismatch(_))));
        }
        let name = BlockName::history(object, &key, 0..size).expect("a block");
        assert_eq!(agent.fetch.serve_block(&name).await.expect("a block").bytes.len() as u64, size);
    }
    assert_eq!(network.requests(), 0);
    reads_history(&agents[1], partition).await;
}

#[tokio::test(start_paused = true)]
async fn an_owner_serves_a_bounded_number_of_blocks_at_once() {
    let world = World::new().await;
    let (_, agents) = agents(&world, &["a"]).await;
    let partition = history(&world, &agents).await;
    let (object, key, size) = file(&world, partition).await;
    let name = BlockName::history(object, &key, 0..size).expect("a block");
    let mut served = Vec::new();
    let busy = loop {
        match agents[0].fetch.serve_block(&name).await {
            Ok(block) => served.push(block),
            Err(error) => break error,
        }
        assert!(served.len() < 100);
    };
    assert_eq!(busy, ServeError::Busy);
    served.pop();
    assert!(agents[0].fetch.serve_block(&name).await.is_ok());
}

#[tokio::test]
async fn blocks_go_from_agent_to_agent_over_http() {
    let world = World::new().await;
    let (agents, endpoint, stop) = listening(&world).await;
    let partition = history(&world, &agents).await;
    produce(&agents[1], partition, batch(&["new"])).await.expect("acknowledged");
    let (object, key, size) = file(&world, partition).await;
    let segment = world.metastore.log.find(partition, Offset(1_000), 1).await.expect("found").remove(0).object;
    let history = BlockName::history(object, &key, 0..size).expect("a block");
    let peers = HttpPeers::new();
    for block in [BlockName::segment(segment), history] {
        let stored = world.objects.get(block.key()).await.expect("stored");
        assert_eq!(peers.fetch(&endpoint, &block).await, Ok(stored));
    }
    let absent = BlockName::segment(ObjectId::default());
    assert_eq!(peers.fetch(&endpoint, &absent).await, Err(PeerError::Absent));
    let longer = BlockName::history(object, &key, 0..size + 1).expect("a block");
    assert!(matches!(peers.fetch(&endpoint, &longer).await, Err(PeerError::Rejected(_))));
    stop.cancel();
    let stopped = async {
        while !matches!(peers.fetch(&endpoint, &absent).await, Err(PeerError::Unreachable(_))) {
            tokio::task::yield_now().await;
        }
    };
    timeout(TIMEOUT, stopped).await.expect("the listener stops");
}

/// The number of GETs depends on real time here, so it is not checked.
#[tokio::test]
async fn agents_that_ask_each_other_over_http_serve_readers_even_after_the_listeners_stop() {
    let world = World::new().await;
    let (agents, _, stop) = listening(&world).await;
    let (_, partitions) = write_segments(&world, &agents[0]).await;
    all_read(&agents, &partitions).await;
    stop.cancel();
    produce(&agents[0], partitions[0], batch(&["later"])).await.expect("acknowledged");
    agents[1].metadata_cache.sync().await.expect("the metastore answers");
    assert_eq!(read_all(&agents[1], partitions[0]).await.len() as u64, ROUNDS + 1);
}

/// Starts two agents that listen on loopback. Returns them, the address of the second, and the token that stops both.
async fn listening(world: &World) -> (Vec<Arc<Agent>>, Endpoint, CancellationToken) {
    let (mut agents, mut endpoint) = (Vec::new(), None);
    let stop = CancellationToken::new();
    for _ in 0..2 {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
        let http = Endpoint { host: "127.0.0.1".to_owned(), port: listener.address().port() };
        let agent = agent(world, "a", http.clone(), Arc::new(HttpPeers::new())).await;
        tokio::spawn(listener.serve_http(Arc::clone(&agent), Vec::new(), stop.clone()));
        agents.push(agent);
        endpoint = Some(http);
    }
    for agent in &agents {
        wait_for_nodes(agent, 2).await;
    }
    (agents, endpoint.expect("there are agents"), stop)
}
