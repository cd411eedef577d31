//! This process as a node: what it tells the others of itself, its registration, and what it knows of the others.

use std::{net::SocketAddr, sync::Arc};

use alluvium_metastore::nodes::{Endpoint, NewNode, Session, SessionConfig};
use alluvium_runtime::{SystemClock, SystemRng};
use anyhow::{Context, Result};

use crate::{config::Settings, roles::Role, stores::Stores};

/// Where this process listens; nowhere for what it does not serve.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses {
    pub kafka: Option<SocketAddr>,
    pub http: Option<SocketAddr>,
}

/// Registers this process: from here on others see it.
///
/// # Errors
/// Where the metastore does not take it.
pub async fn register(
    role: Role,
    settings: &Settings,
    addresses: Addresses,
    stores: &Stores,
    rng: Arc<SystemRng>,
) -> Result<Session> {
    let config = if settings.metastore.is_embedded() { SessionConfig::alone() } else { SessionConfig::default() };
    let new = describe(role, settings, addresses);
    let nodes = stores.metastore.nodes.clone();
    Session::open(nodes, new, config, Arc::new(SystemClock), rng).await.context("registering with the metastore")
}

fn describe(role: Role, settings: &Settings, addresses: Addresses) -> NewNode {
    let Addresses { kafka, http } = addresses;
    let endpoint = |(host, port)| Endpoint { host, port };
    let told = |address: SocketAddr| endpoint((address.ip().to_string(), address.port()));
    let kafka_host = settings.kafka_advertised.as_ref().map(|(host, _)| host.clone());
    // Who listens on all addresses is reached for HTTP where it is for Kafka, unless it says otherwise; else it cannot say.
    let http = http.and_then(|address| match (&settings.http_advertised, kafka_host) {
        (Some(advertised), _) => Some(endpoint(advertised.clone())),
        (None, _) if !address.ip().is_unspecified() => Some(told(address)),
        (None, host) => host.map(|host| endpoint((host, address.port()))),
    });
    NewNode {
        id: settings.node_id,
        zone: settings.rack.clone(),
        kafka: kafka.map(|address| settings.kafka_advertised.clone().map_or_else(|| told(address), endpoint)),
        http,
        compacts: role.compacts(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn settings(args: &[&str]) -> Settings {
        let cli = Cli::try_parse_from([&["alluvium"], args].concat()).unwrap();
        Settings::try_from(cli.run.options).unwrap()
    }

    fn described(args: &[&str], listen: &str) -> (String, Option<String>) {
        let at = |port: u16| Some(SocketAddr::new(listen.parse().unwrap(), port));
        let node = describe(Role::Gateway, &settings(args), Addresses { kafka: at(9092), http: at(8080) });
        (node.kafka.unwrap().to_string(), node.http.map(|http| http.to_string()))
    }

    #[test]
    fn others_are_told_where_it_listens_unless_it_says_otherwise() {
        let http = |text: &str| Some(text.to_owned());
        assert_eq!(described(&[], "10.0.0.1"), ("10.0.0.1:9092".into(), http("10.0.0.1:8080")));
        let advertised = ["--kafka-advertised", "a.example:19092"];
        assert_eq!(described(&advertised, "0.0.0.0"), ("a.example:19092".into(), http("a.example:8080")));
        assert_eq!(described(&advertised, "10.0.0.1"), ("a.example:19092".into(), http("10.0.0.1:8080")));
        let both = [&advertised[..], &["--http-advertised", "b.example:80"]].concat();
        assert_eq!(described(&both, "0.0.0.0"), ("a.example:19092".into(), http("b.example:80")));
    }

    #[test]
    fn a_compactor_serves_no_kafka() {
        let node = describe(Role::Compactor, &settings(&["--zone", "a"]), Addresses::default());
        assert_eq!((node.kafka, node.http, node.compacts, node.zone.as_deref()), (None, None, true, Some("a")));
    }
}
