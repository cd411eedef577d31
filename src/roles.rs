//! The roles of a process, and the settings that each of them needs.

use anyhow::{Result, bail};

use crate::config::Settings;

/// The task of a process until it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Serves clients and compacts, in one process.
    Dev,
    /// Serves clients, as one of many agents.
    Gateway,
    /// Compacts, beside agents.
    Compactor,
}

impl Role {
    /// Whether the role serves Kafka and HTTP clients.
    pub fn serves(self) -> bool {
        match self {
            Self::Dev | Self::Gateway => true,
            Self::Compactor => false,
        }
    }

    /// Whether the role compacts.
    pub fn compacts(self) -> bool {
        match self {
            Self::Dev | Self::Compactor => true,
            Self::Gateway => false,
        }
    }

    /// The role's name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Gateway => "gateway",
            Self::Compactor => "compactor",
        }
    }

    /// Checks that a process of this role can run with `settings`: every role but `dev` is one process of several.
    ///
    /// # Errors
    /// If it cannot; the message says what to do instead.
    pub fn check(self, settings: &Settings) -> Result<()> {
        let alternative = match self {
            Self::Dev => return Ok(()),
            Self::Gateway => "run `alluvium dev`, which serves and compacts in one process",
            Self::Compactor => {
                "let `alluvium dev` compact what it serves, or run `alluvium compactor --once` while nobody serves it"
            }
        };
        if settings.metastore.is_embedded() {
            bail!(
                "`alluvium {}` works beside other processes, and the embedded metastore ({}) serves one: give all of \
                 them the same FoundationDB (--metastore fdb:///path/to/fdb.cluster), or {alternative}",
                self.name(),
                settings.metastore
            );
        }
        if self.serves() && settings.kafka_listen.ip().is_unspecified() && settings.kafka_advertised.is_none() {
            bail!(
                "--kafka-listen {} is no address that clients could connect to: set the address of this agent with \
                 --kafka-advertised HOST:PORT",
                settings.kafka_listen
            );
        }
        Ok(())
    }
}
