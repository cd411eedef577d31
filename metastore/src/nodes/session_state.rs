//! The state of a session: this node, and which other nodes are live.

use std::sync::Arc;

use alluvium_model::{
    node::{Node, NodeState, live_states},
    placement::Candidate,
};
use tokio::time::Instant;

/// The state of a session at one moment.
#[derive(Clone, Debug)]
pub(super) struct SessionState {
    /// This node, as it registered last, in the state that it should be in.
    pub node: Arc<Node>,
    /// All nodes that are not expired, by id, with this one.
    pub live: Arc<[Node]>,
    /// Those of them that clients can be sent to.
    pub candidates: Arc<[Candidate]>,
    /// The start of the last heartbeat that succeeded; `None` if the registration is known to be lost.
    pub last_heartbeat: Option<Instant>,
    /// Whether the session has ended: it is never valid again, and never registers again.
    pub has_ended: bool,
}

impl SessionState {
    /// The state of a process that has just registered, by a call that started at `started`.
    pub fn new(node: Node, started: Instant) -> Self {
        let mut state = Self {
            node: Arc::new(node),
            live: [].into(),
            candidates: [].into(),
            last_heartbeat: Some(started),
            has_ended: false,
        };
        state.set_live(Vec::new());
        state
    }

    /// Replaces the live nodes. Whether any of them, or its state, changed.
    pub fn set_live(&mut self, mut live: Vec<Node>) -> bool {
        let own = live.iter().find(|node| node.lease_owner() == self.node.lease_owner());
        let (heartbeats, clock) =
            own.map_or((self.node.heartbeats, self.node.clock), |own| (own.heartbeats, own.clock));
        // About this node the session itself knows best that it is live, and in which state.
        live.retain(|node| node.id != self.node.id);
        live.push(Node { heartbeats, clock, ..(*self.node).clone() });
        live.sort_by_key(|node| node.id);
        let changed = live_states(&live) != live_states(&self.live);
        self.live = live.into();
        self.candidates = self.live.iter().filter_map(Node::candidate).collect();
        changed
    }

    /// Records that a heartbeat which started at `started` succeeded, and the live nodes that it read. Whether those
    /// changed.
    pub fn heartbeat_succeeded(&mut self, started: Instant, live: Vec<Node>) -> bool {
        self.last_heartbeat = Some(started);
        self.set_live(live)
    }

    /// Sets the state of this node. Whether it changed.
    pub fn set_state(&mut self, state: NodeState) -> bool {
        self.node = Arc::new(Node { state, ..(*self.node).clone() });
        let live = self.live.to_vec();
        self.set_live(live)
    }

    /// Records that this process has registered again, by a call that started at `started`. Whether the live nodes
    /// changed.
    pub fn registered_again(&mut self, node: Node, started: Instant) -> bool {
        let state = self.node.state;
        let live = self.live.iter().filter(|other| other.id != self.node.id).cloned().collect();
        self.node = Arc::new(Node { state, ..node });
        self.last_heartbeat = Some(started);
        self.set_live(live)
    }
}
