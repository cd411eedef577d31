//! Taking an agent down: first it is named no longer, then it finishes what it has begun.

use std::time::Duration;

use tokio::time::sleep;

use super::Agent;
use crate::live_agents::LiveAgents;

/// How long an agent goes on serving once it is named no longer: others learn it from their next heartbeat, half a second
/// later, and clients from the next answer of anybody.
const NOTICE: Duration = Duration::from_secs(2);

impl Agent {
    /// Hands over to the other agents: from now on they are named in place of this one, also by itself, and get its groups.
    /// Goes on serving for a while, so that clients go there before their connections are closed. Where nobody is left to
    /// take over, nobody is waited for.
    pub async fn hand_over(&self) {
        self.session.drain().await;
        let this = self.session.node().id;
        if LiveAgents::of(&self.session).agents().any(|agent| agent.id != this) {
            sleep(NOTICE).await;
        }
    }

    /// Admits nothing more, flushes what is open, waits for what is in flight, and stops the tasks; at most `patience`.
    /// Whether all is done. After [`Self::hand_over`], where there are others.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.produce.gate().close();
        self.tasks.stop(patience).await
    }
}
