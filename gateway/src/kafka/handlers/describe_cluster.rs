//! DescribeCluster (60): the cluster's id, its agents and its controller.
//!
//! - 1: of brokers or of controllers; agents are brokers only. 2: whether brokers are fenced; agents never are.

use alluvium_wire::messages::OPERATIONS_OMITTED;
use alluvium_wire::messages::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topology::{Broker, CLUSTER_OPERATIONS, Topology};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::DescribeCluster, 0..=2, |call| answer(call, handle));

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

async fn handle(context: Context, request: DescribeClusterRequest) -> DescribeClusterResponse {
    let failed = |error_code, message: &str| DescribeClusterResponse {
        error_code,
        error_message: Some(message.to_owned()),
        ..Default::default()
    };
    match request.endpoint_type {
        BROKERS => {}
        CONTROLLERS => {
            let message =
                "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER";
            return failed(ErrorCode::MISMATCHED_ENDPOINT_TYPE, message);
        }
        _ => return failed(ErrorCode::UNSUPPORTED_ENDPOINT_TYPE, "Unsupported endpoint type"),
    }
    let agent = &*context.agent;
    let topology = Topology::of(&context);
    let with_operations = request.include_cluster_authorized_operations;
    DescribeClusterResponse {
        endpoint_type: BROKERS,
        cluster_id: agent.metastore.cluster.id.clone(),
        controller_id: topology.controller(),
        brokers: topology.brokers().into_iter().map(broker).collect(),
        cluster_authorized_operations: if with_operations { CLUSTER_OPERATIONS } else { OPERATIONS_OMITTED },
        ..Default::default()
    }
}

fn broker(Broker { id, host, port, rack }: Broker) -> DescribeClusterBroker {
    DescribeClusterBroker { broker_id: id, host, port, rack, ..Default::default() }
}
