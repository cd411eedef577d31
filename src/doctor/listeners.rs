//! Addresses: whether those to listen on are free, and those that are advertised can be resolved and reached.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use alluvium_gateway::listen::{BindError, Listener};
use anyhow::Result;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{finding::Finding, findings::Findings};
use crate::config::Settings;

/// Time for a name lookup, a connection, or a health check.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of a health check's response that are read.
const ANSWER_BYTES_MAX: u64 = 4 << 10;

/// One listener: the names of its two checks and two options, and who connects to it.
struct Subject {
    listen_check: &'static str,
    advertised_check: &'static str,
    listen: &'static str,
    advertised: &'static str,
    who: &'static str,
}

const KAFKA: Subject = Subject {
    listen_check: "listeners.kafka",
    advertised_check: "advertised.kafka",
    listen: "--kafka-listen",
    advertised: "--kafka-advertised",
    who: "Kafka clients",
};
const HTTP: Subject = Subject {
    listen_check: "listeners.http",
    advertised_check: "advertised.http",
    listen: "--http-listen",
    advertised: "--http-advertised",
    who: "other agents",
};

/// Checks both listeners.
///
/// # Errors
/// If a finding cannot be printed.
pub async fn check(settings: &Settings, findings: &mut Findings) -> Result<()> {
    let is_shared = !settings.metastore.is_embedded();
    let is_running = is_alluvium(settings.http_listen).await;
    let (kafka, http) = (settings.kafka_listen, settings.http_listen);
    // As in a node's registration: if HTTP listens on all addresses, Kafka's advertised host is used.
    let kafka_host = settings.kafka_advertised.as_ref().filter(|_| http.ip().is_unspecified());
    let http_advertised = settings.http_advertised.clone().or(kafka_host.map(|(host, _)| (host.clone(), http.port())));
    for (subject, listen, advertised) in [(&KAFKA, kafka, &settings.kafka_advertised), (&HTTP, http, &http_advertised)]
    {
        findings.add(check_listen(subject, listen, is_running).await)?;
        match advertised {
            Some((host, port)) => findings.add(check_advertised(subject, host, *port).await)?,
            None => findings.add(not_advertised(subject, listen, is_shared))?,
        }
    }
    Ok(())
}

async fn check_listen(subject: &Subject, address: SocketAddr, is_running: bool) -> Finding {
    let (check, option) = (subject.listen_check, subject.listen);
    match Listener::bind(address).await {
        Ok(_) => Finding::ok(check, format!("{address} is free")),
        Err(BindError::Taken { .. }) if is_running => {
            let found = format!("{address} is in use, and an Alluvium answers on --http-listen");
            Finding::not_known(check, found, "Nothing, if that is the process that these settings are for.")
        }
        Err(error @ BindError::Taken { .. }) => Finding::failure(
            check,
            error.to_string(),
            "The process would fail to start.",
            format!("Stop the process that listens there (`ss -ltnp`), or choose another {option}."),
        ),
        Err(error @ BindError::Failed { .. }) => Finding::failure(
            check,
            error.to_string(),
            "The process would fail to start.",
            format!(
                "Choose an address of this machine for {option}; ports below 1024 need rights (CAP_NET_BIND_SERVICE)."
            ),
        ),
    }
}

/// The finding if no address is advertised, so that the listening address is.
fn not_advertised(subject: &Subject, listen: SocketAddr, is_shared: bool) -> Finding {
    let Subject { advertised_check, listen: option, advertised, who, .. } = subject;
    let finding = |found: String, means: String| {
        let advice = format!("Set {advertised} to a name or address of this machine that {who} can connect to.");
        if is_shared {
            Finding::failure(advertised_check, found, means, advice)
        } else {
            Finding::warning(advertised_check, found, means, advice)
        }
    };
    if listen.ip().is_unspecified() {
        let found = format!("{listen} is advertised to {who}, as {option} says");
        return finding(found, "That is no machine's address: only processes on this machine can connect.".to_owned());
    }
    if listen.ip().is_loopback() && is_shared {
        return Finding::warning(
            advertised_check,
            format!("{listen} is advertised to {who}, as {option} says"),
            "Only processes on this machine can connect, while the metastore can be shared by many machines.",
            format!("Set {option} and {advertised}, unless everything runs on this machine."),
        );
    }
    Finding::ok(advertised_check, format!("{listen} is advertised to {who}, as {option} says"))
}

/// Checks that an advertised address can be resolved and, unless it is of this machine, reached.
async fn check_advertised(subject: &Subject, host: &str, port: u16) -> Finding {
    let Subject { advertised_check: check, advertised, who, .. } = subject;
    let resolved: Vec<SocketAddr> = match timeout(TIMEOUT, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    let Some(first) = resolved.first() else {
        return Finding::failure(
            check,
            format!("{host} cannot be resolved on this machine"),
            format!("If {who} cannot resolve it either, they cannot connect."),
            format!("Correct {advertised}, or add the name to DNS."),
        );
    };
    if first.ip().is_unspecified() {
        return not_advertised(subject, *first, true);
    }
    let connects = matches!(timeout(TIMEOUT, TcpStream::connect(first)).await, Ok(Ok(_)));
    let shown =
        if host.parse::<IpAddr>().is_ok() { first.to_string() } else { format!("{host}:{port} ({})", first.ip()) };
    if connects {
        return Finding::ok(check, format!("{shown} is advertised to {who}, and accepts connections"));
    }
    // An address of this machine answers once the process listens. (Each can be bound, on some port.)
    if Listener::bind(SocketAddr::new(first.ip(), 0)).await.is_ok() {
        return Finding::ok(check, format!("{shown} is advertised to {who}, and is an address of this machine"));
    }
    Finding::not_known(
        check,
        format!("{shown} is advertised to {who}, is not of this machine, and does not answer now"),
        "If it is a load balancer or a translated address, connect to it once the process runs; else correct it.",
    )
}

/// Whether an Alluvium process answers a health check at `address`.
async fn is_alluvium(address: SocketAddr) -> bool {
    let request = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: doctor\r\nConnection: close\r\n\r\n").await?;
        let mut response = String::new();
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut response).await?;
        std::io::Result::Ok(response)
    };
    let is_healthy = |response: &str| response.starts_with("HTTP/1.1 200") && response.ends_with("ok\n");
    matches!(timeout(TIMEOUT, request).await, Ok(Ok(response)) if is_healthy(&response))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Outcome;

    #[test]
    fn advertising_an_unspecified_address_is_a_failure_if_the_metastore_is_shared() {
        let outcome =
            |ip: &str, is_shared| not_advertised(&KAFKA, SocketAddr::new(ip.parse().unwrap(), 9092), is_shared).outcome;
        assert_eq!(outcome("0.0.0.0", true), Outcome::Failure);
        assert_eq!(outcome("0.0.0.0", false), Outcome::Warning);
        assert_eq!(outcome("127.0.0.1", true), Outcome::Warning);
        assert_eq!(outcome("127.0.0.1", false), Outcome::Ok);
        assert_eq!(outcome("10.0.0.1", true), Outcome::Ok);
    }

    #[tokio::test]
    async fn an_advertised_name_that_cannot_be_resolved_is_a_failure() {
        let finding = check_advertised(&KAFKA, "no-such-host.invalid", 9092).await;
        assert_eq!(finding.outcome, Outcome::Failure);
        assert!(finding.found.contains("no-such-host.invalid"), "{}", finding.found);
        assert_eq!(check_advertised(&KAFKA, "127.0.0.1", 1).await.outcome, Outcome::Ok);
    }
}
