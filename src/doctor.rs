//! `alluvium doctor`: checks what `dev` needs, one line each, and says what is wrong.

use std::{net::SocketAddr, sync::Arc};

use alluvium_gateway::listen::Listener;
use alluvium_metastore::ambient::SystemEntropy;
use anyhow::{Result, ensure};

use crate::{config::Settings, output::print, stores};

/// Checks configuration (which has been read when this runs), listeners, object store and metastore.
///
/// # Errors
/// Where any check failed.
pub async fn doctor(settings: Settings) -> Result<()> {
    let entropy = Arc::new(SystemEntropy);
    let mut failures = 0;
    let mut tell = |what: String, outcome: Result<()>| {
        failures += u32::from(outcome.is_err());
        print(&match outcome {
            Ok(()) => format!("ok      {what}"),
            Err(error) => format!("FAILED  {what}: {error:#}"),
        })
    };
    tell("configuration".into(), Ok(()))?;
    tell(format!("Kafka listener {}", settings.kafka_listen), free(settings.kafka_listen).await)?;
    tell(format!("HTTP listener {}", settings.http_listen), free(settings.http_listen).await)?;
    let objects = stores::open_objects(&settings, &*entropy).await;
    tell(format!("object store {}: put, get, delete", settings.store), objects.map(drop))?;
    let opened = stores::open_metastore(&settings, entropy).await;
    let outcome = match opened {
        Ok((_, engine)) => {
            engine.close().await;
            Ok(())
        }
        Err(error) => Err(error),
    };
    tell("metastore: format, cluster id".into(), outcome)?;
    ensure!(failures == 0, "{failures} checks failed");
    Ok(())
}

async fn free(address: SocketAddr) -> Result<()> {
    Listener::bind(address).await?;
    Ok(())
}
