//! The roles of a process: what it does, and which metastore it can do that on.

use anyhow::{Result, bail};

use crate::config::Settings;

/// What a process does until it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Serves clients and compacts.
    Dev,
    /// Serves clients.
    Gateway,
    /// Compacts.
    Compactor,
}

impl Role {
    /// Whether it serves Kafka and HTTP clients.
    pub fn serves(self) -> bool {
        match self {
            Self::Dev | Self::Gateway => true,
            Self::Compactor => false,
        }
    }

    /// Whether it compacts.
    pub fn compacts(self) -> bool {
        match self {
            Self::Dev | Self::Compactor => true,
            Self::Gateway => false,
        }
    }

    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Gateway => "gateway",
            Self::Compactor => "compactor",
        }
    }

    /// Whether `settings` let a process of this role be one of several.
    ///
    /// # Errors
    /// Where they do not; what to do instead.
    pub fn check(self, settings: &Settings) -> Result<()> {
        let instead = match self {
            Self::Dev => return Ok(()),
            Self::Gateway => "run `alluvium dev`, which serves and compacts in one process",
            Self::Compactor => {
                "let `alluvium dev` compact what it serves, or run `alluvium compactor --once` while nobody serves it"
            }
        };
        if settings.metastore.is_embedded() {
            bail!(
                "`alluvium {}` works beside other processes, and the embedded metastore ({}) serves one: give all of them the \
                 same FoundationDB (--metastore fdb:///path/to/fdb.cluster), or {instead}",
                self.name(),
                settings.metastore
            );
        }
        if self.serves() && settings.kafka_listen.ip().is_unspecified() && settings.kafka_advertised.is_none() {
            bail!(
                "--kafka-listen {} names no machine that clients could be told: say where they reach this agent with \
                 --kafka-advertised HOST:PORT",
                settings.kafka_listen
            );
        }
        Ok(())
    }
}
