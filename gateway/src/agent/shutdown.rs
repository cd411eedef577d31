//! Shutting an agent down: first other agents are advertised in its place, then it finishes what is in flight.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::sleep;

use super::Agent;
use crate::live_agents::LiveAgents;

/// How long an agent continues to serve once it is no longer advertised: other agents see it at their next heartbeat,
/// which is less than half a second later, and clients in the next Metadata response of any agent.
const HAND_OVER_TIME: Duration = Duration::from_secs(2);

impl Agent {
    /// Hands over to the other agents: from now on they are advertised in place of this one, also by itself, and take
    /// over its groups. It continues to serve for a while, so that clients reconnect elsewhere before their connections
    /// are closed. If there is no other agent, it does not wait. Boxed, like [`Self::start`], to be compiled once.
    pub fn hand_over(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.session.drain().await;
            let this = self.session.node().id;
            if LiveAgents::of(&self.session).agents().any(|agent| agent.id != this) {
                sleep(HAND_OVER_TIME).await;
            }
        })
    }

    /// Admits nothing more, flushes the open segment, waits for requests in flight, and stops the tasks, all within
    /// `timeout`. Returns whether everything was done. To be called after [`Self::hand_over`]. Boxed, like
    /// [`Self::start`], to be compiled once.
    pub fn drain(&self, timeout: Duration) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            self.produce.admission().close();
            self.tasks.stop(timeout).await
        })
    }
}
