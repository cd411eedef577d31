//! This process as a node of the cluster: its description, its registration, and metrics of the live nodes.

use std::{net::SocketAddr, sync::Arc};

use alluvium_metastore::nodes::{Endpoint, NewNode, Session, SessionConfig};
use alluvium_runtime::{SystemClock, SystemRng};
use anyhow::{Context, Result};

use crate::{config::Settings, roles::Role, stores::Stores};

/// The addresses that this process listens on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses {
    /// Of the Kafka listener; `None` if the process serves no Kafka clients.
    pub kafka: Option<SocketAddr>,
    /// Of the HTTP listener; `None` if the process has none.
    pub http: Option<SocketAddr>,
}

/// Registers this process with the metastore: from then on it is a live node to the others.
///
/// # Errors
/// If the registration cannot be committed.
pub async fn register(
    role: Role,
    settings: &Settings,
    addresses: Addresses,
    stores: &Stores,
    rng: Arc<SystemRng>,
) -> Result<Session> {
    let config = if settings.metastore.is_embedded() { SessionConfig::alone() } else { settings.session.clone() };
    let node = describe(role, settings, addresses);
    let nodes = stores.metastore.nodes.clone();
    Session::open(nodes, node, config, Arc::new(SystemClock), rng).await.context("registering with the metastore")
}

fn describe(role: Role, settings: &Settings, addresses: Addresses) -> NewNode {
    let Addresses { kafka, http } = addresses;
    let endpoint = |(host, port)| Endpoint { host, port };
    let listen_endpoint = |address: SocketAddr| endpoint((address.ip().to_string(), address.port()));
    let kafka_host = settings.kafka_advertised.as_ref().map(|(host, _)| host.clone());
    // If HTTP listens on all addresses and nothing is advertised for it, Kafka's advertised host is used; without that
    // there is no address to advertise.
    let http = http.and_then(|address| match (&settings.http_advertised, kafka_host) {
        (Some(advertised), _) => Some(endpoint(advertised.clone())),
        (None, _) if !address.ip().is_unspecified() => Some(listen_endpoint(address)),
        (None, host) => host.map(|host| endpoint((host, address.port()))),
    });
    NewNode {
        id: settings.node_id,
        zone: settings.rack.clone(),
        kafka: kafka
            .map(|address| settings.kafka_advertised.clone().map_or_else(|| listen_endpoint(address), endpoint)),
        http,
        compacts: role.compacts(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        expiry: settings.session.expiry,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::Options;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        options: Options,
    }

    fn settings(args: &[&str]) -> Settings {
        let flags = Flags::try_parse_from([&["alluvium"], args].concat()).unwrap();
        Settings::try_from(flags.options).unwrap()
    }

    fn described(args: &[&str], listen: &str) -> (String, Option<String>) {
        let at = |port: u16| Some(SocketAddr::new(listen.parse().unwrap(), port));
        let node = describe(Role::Gateway, &settings(args), Addresses { kafka: at(9092), http: at(8080) });
        (node.kafka.unwrap().to_string(), node.http.map(|http| http.to_string()))
    }

    #[test]
    fn the_listen_address_is_advertised_unless_another_is_set() {
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
