//! What a session knows: itself, and who else is there.

use std::sync::Arc;

use alluvium_model::{
    node::{Node, NodeState, standing},
    placement::Candidate,
};
use tokio::time::Instant;

/// What a session knows at one moment.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// This process, as registered last and in the state that it wants to be in.
    pub node: Arc<Node>,
    pub live: Arc<[Node]>,
    pub candidates: Arc<[Candidate]>,
    /// When the last heartbeat that succeeded was begun; `None` where the registration is known to be lost.
    pub beaten: Option<Instant>,
    /// The session is over: nothing makes it valid again, nothing registers it again.
    pub is_over: bool,
}

impl View {
    /// Of a process that has just registered, by a call begun at `begun`.
    pub fn new(node: Node, begun: Instant) -> Self {
        let mut view =
            Self { node: Arc::new(node), live: [].into(), candidates: [].into(), beaten: Some(begun), is_over: false };
        view.show(Vec::new());
        view
    }

    /// Takes in who is live. Whether that changed anything.
    pub fn show(&mut self, mut live: Vec<Node>) -> bool {
        let own = live.iter().find(|node| node.lease_owner() == self.node.lease_owner());
        let beat = own.map_or((self.node.beat, self.node.clock), |own| (own.beat, own.clock));
        // Of this process it knows best itself: that it is there, and its state.
        live.retain(|node| node.id != self.node.id);
        live.push(Node { beat: beat.0, clock: beat.1, ..(*self.node).clone() });
        live.sort_by_key(|node| node.id);
        let changed = standing(&live) != standing(&self.live);
        self.live = live.into();
        self.candidates = self.live.iter().filter_map(Node::candidate).collect();
        changed
    }

    /// A heartbeat begun at `begun` was taken, and showed who is live. Whether that changed anything.
    pub fn heard(&mut self, begun: Instant, live: Vec<Node>) -> bool {
        self.beaten = Some(begun);
        self.show(live)
    }

    /// This process is in `state` now. Whether that changed anything.
    pub fn enter(&mut self, state: NodeState) -> bool {
        self.node = Arc::new(Node { state, ..(*self.node).clone() });
        let live = self.live.to_vec();
        self.show(live)
    }

    /// This process has registered again.
    pub fn registered(&mut self, node: Node, begun: Instant) -> bool {
        let state = self.node.state;
        let live = self.live.iter().filter(|other| other.id != self.node.id).cloned().collect();
        self.node = Arc::new(Node { state, ..node });
        self.beaten = Some(begun);
        self.show(live)
    }
}
