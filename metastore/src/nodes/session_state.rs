//! The state of a session: this node, and which other nodes are live.

use std::{collections::BTreeSet, sync::Arc};

use alluvium_model::{
    CompactionLoad,
    node::{LeaseOwner, Node, NodeState, Suspicions, live_states},
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
    /// Nodes that have probably died.
    suspicions: Suspicions,
    /// The same, for readers.
    pub suspects: Arc<BTreeSet<LeaseOwner>>,
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
            suspicions: Suspicions::default(),
            suspects: Arc::default(),
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
        self.choose_candidates();
        changed
    }

    fn choose_candidates(&mut self) {
        self.suspects = Arc::new(self.suspicions.suspects().collect());
        let is_trusted = |node: &&Node| !self.suspects.contains(&node.lease_owner());
        self.candidates = self.live.iter().filter(is_trusted).filter_map(Node::candidate).collect();
    }

    /// Suspects a live node other than this one. Whether that is new.
    pub fn suspect(&mut self, owner: LeaseOwner) -> bool {
        let is_other = self.live.iter().any(|node| node.lease_owner() == owner && node.id != self.node.id);
        let changed = is_other && self.suspicions.suspect(owner);
        self.choose_candidates();
        changed
    }

    /// Records that a heartbeat which started at `started` succeeded, and the live nodes that it read. Whether those
    /// changed.
    pub fn heartbeat_succeeded(&mut self, started: Instant, live: Vec<Node>) -> bool {
        self.last_heartbeat = Some(started);
        let ended = self.suspicions.observe(&live);
        self.set_live(live) || ended
    }

    /// Sets the state of this node. Whether it changed: a node that drains does so to its end.
    pub fn set_state(&mut self, state: NodeState) -> bool {
        if self.node.state == NodeState::Draining {
            return false;
        }
        self.node = Arc::new(Node { state, ..(*self.node).clone() });
        let live = self.live.to_vec();
        self.set_live(live)
    }

    /// Sets what this node's compactor has to do. Nobody is woken for that.
    pub fn set_compaction(&mut self, compaction: CompactionLoad) {
        self.node = Arc::new(Node { compaction, ..(*self.node).clone() });
        let live = self.live.to_vec();
        self.set_live(live);
    }

    /// Records that this process has registered again, by a call that started at `started`. Whether the live nodes
    /// changed.
    pub fn registered_again(&mut self, node: Node, started: Instant) -> bool {
        let (state, compaction) = (self.node.state, self.node.compaction);
        let live = self.live.iter().filter(|other| other.id != self.node.id).cloned().collect();
        self.node = Arc::new(Node { state, compaction, ..node });
        self.last_heartbeat = Some(started);
        self.set_live(live)
    }
}
