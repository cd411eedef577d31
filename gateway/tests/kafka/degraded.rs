//! An agent that alone cannot use the bucket, as clients see it.

use std::collections::BTreeSet;
use std::sync::Arc;

use alluvium_metastore::nodes::SessionConfig;
use alluvium_objects::faults::{Fault, FaultRule, FaultStore};
use alluvium_objects::{Objects, ObjectsConfig};
use alluvium_wire::ErrorCode;
use alluvium_wire::messages::find_coordinator::FindCoordinatorRequest;
use alluvium_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use object_store::memory::InMemory;
use tokio::time::{Instant, sleep};

use crate::batches::records;
use crate::client::{Client, TIMEOUT};
use crate::producing::{append, response};
use crate::server::{Server, SharedStores};

/// Everything that sends clients to an agent: brokers, leaders, the controller, the coordinator of a group.
async fn named(client: &mut Client) -> BTreeSet<i32> {
    let topic = MetadataRequestTopic { name: Some("t".into()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
    let metadata = client.call(12, &request).await;
    let leaders = metadata.topics[0].partitions.iter().map(|partition| partition.leader_id);
    let mut named: BTreeSet<i32> = metadata.brokers.iter().map(|broker| broker.node_id).chain(leaders).collect();
    named.insert(metadata.controller_id);
    let coordinators = (0..20).map(|n| format!("group-{n}")).collect();
    let request = FindCoordinatorRequest { coordinator_keys: coordinators, ..Default::default() };
    named.extend(client.call(6, &request).await.coordinators.iter().map(|coordinator| coordinator.node_id));
    named
}

async fn until_named(clients: &mut [Client; 2], ids: &[i32]) {
    let deadline = Instant::now() + TIMEOUT;
    for client in clients {
        loop {
            let named = named(client).await;
            if named == ids.iter().copied().collect() {
                break;
            }
            assert!(Instant::now() < deadline, "{named:?} are named, not {ids:?}");
            sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn leaders_and_coordinators_move_off_an_agent_without_the_bucket_and_come_back() {
    let bucket = Arc::new(InMemory::new());
    let objects = || {
        let (store, faults) = FaultStore::new(bucket.clone());
        (Objects::new(Arc::new(store), "", ObjectsConfig::default()), faults)
    };
    let stores = SharedStores::new().await;
    let [(own, faults), (other, _)] = [objects(), objects()];
    let over =
        |objects| Server::over(SharedStores { objects, ..stores.clone() }, None, SessionConfig::default(), |_| {});
    let servers = [over(own).await, over(other).await];
    for server in &servers {
        server.knows(2).await;
    }
    servers[0].topic("t", 20, &[]).await;
    let mut clients = [servers[0].client().await, servers[1].client().await];
    until_named(&mut clients, &[0, 1]).await;
    faults.inject(FaultRule::always(Fault::Hang));
    // A producer that is there already is told to ask where to go, long before its request would time out.
    let answer = clients[0].call(9, &append("t", 0, -1, records(1))).await;
    assert_eq!(response(&answer).error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    until_named(&mut clients, &[1]).await;
    let answer = clients[1].call(9, &append("t", 0, -1, records(1))).await;
    assert_eq!((response(&answer).error_code, response(&answer).base_offset), (ErrorCode::NONE, 0));
    faults.heal();
    until_named(&mut clients, &[0, 1]).await;
    let answer = clients[0].call(9, &append("t", 0, -1, records(1))).await;
    assert_eq!((response(&answer).error_code, response(&answer).base_offset), (ErrorCode::NONE, 1));
}
