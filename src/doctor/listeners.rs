//! Addresses: those to listen on are free, those that others are told can be resolved and reached.

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

use super::{finding::Finding, run::Findings};
use crate::config::Settings;

/// Time for a connection, and for an answer to one short question.
const PATIENCE: Duration = Duration::from_secs(2);
/// Of an answer, what tells whose it is.
const ANSWER_BYTES_MAX: u64 = 4 << 10;

/// Which listener: names of its two checks and two options.
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
/// Where findings cannot be shown.
pub async fn check(settings: &Settings, findings: &mut Findings) -> Result<()> {
    let is_shared = !settings.metastore.is_embedded();
    let running = is_ours(settings.http_listen).await;
    let (kafka, http) = (settings.kafka_listen, settings.http_listen);
    // As a node says of itself: where it listens on all addresses it is reached for HTTP where it is for Kafka.
    let beside = settings.kafka_advertised.as_ref().filter(|_| http.ip().is_unspecified());
    let http_told = settings.http_advertised.clone().or(beside.map(|(host, _)| (host.clone(), http.port())));
    for (subject, listen, advertised) in [(&KAFKA, kafka, &settings.kafka_advertised), (&HTTP, http, &http_told)] {
        findings.add(free(subject, listen, running).await)?;
        match advertised {
            Some((host, port)) => findings.add(told(subject, host, *port).await)?,
            None => findings.add(untold(subject, listen, is_shared))?,
        }
    }
    Ok(())
}

async fn free(subject: &Subject, address: SocketAddr, running: bool) -> Finding {
    let (check, option) = (subject.listen_check, subject.listen);
    match Listener::bind(address).await {
        Ok(_) => Finding::ok(check, format!("{address} is free")),
        Err(BindError::Taken { .. }) if running => {
            let found = format!("{address} is in use, and an Alluvium answers on --http-listen");
            Finding::not_known(check, found, "Nothing, if this is the process that you are asking about.")
        }
        Err(error @ BindError::Taken { .. }) => Finding::failure(
            check,
            error.to_string(),
            "The process would end at its start.",
            format!("Stop the process that listens there (`ss -ltnp`), or choose another {option}."),
        ),
        Err(error @ BindError::Refused { .. }) => Finding::failure(
            check,
            error.to_string(),
            "The process would end at its start.",
            format!(
                "Choose an address of this machine for {option}; ports below 1024 need rights (CAP_NET_BIND_SERVICE)."
            ),
        ),
    }
}

/// Nothing else is advertised than where it listens.
fn untold(subject: &Subject, listen: SocketAddr, is_shared: bool) -> Finding {
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
        let found = format!("{who} are told {listen}, as {option} says");
        return finding(
            found,
            "That names no machine: they can connect only where they are on the same one.".to_owned(),
        );
    }
    if listen.ip().is_loopback() && is_shared {
        return Finding::warning(
            advertised_check,
            format!("{who} are told {listen}, as {option} says"),
            "Only those on this machine can connect, while the metastore can be shared by many machines.",
            format!("Set {option} and {advertised}, unless everything runs on this machine."),
        );
    }
    Finding::ok(advertised_check, format!("{who} are told {listen}, as {option} says"))
}

/// What is advertised can be resolved and, unless it is ours and nobody listens yet, reached.
async fn told(subject: &Subject, host: &str, port: u16) -> Finding {
    let Subject { advertised_check: check, advertised, who, .. } = subject;
    let resolved: Vec<SocketAddr> = match timeout(PATIENCE, lookup_host((host, port))).await {
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
        return untold(subject, *first, true);
    }
    let connects = matches!(timeout(PATIENCE, TcpStream::connect(first)).await, Ok(Ok(_)));
    let shown =
        if host.parse::<IpAddr>().is_ok() { first.to_string() } else { format!("{host}:{port} ({})", first.ip()) };
    if connects {
        return Finding::ok(check, format!("{who} are told {shown}, which can be connected to"));
    }
    // Ours: it will answer once the process listens. (Any address of this machine can be bound, on some port.)
    if Listener::bind(SocketAddr::new(first.ip(), 0)).await.is_ok() {
        return Finding::ok(check, format!("{who} are told {shown}, an address of this machine"));
    }
    Finding::not_known(
        check,
        format!("{who} are told {shown}, which is not of this machine and does not answer now"),
        "If it is a load balancer or a translated address, connect to it once the process runs; else correct it.",
    )
}

/// Whether a process of ours answers there.
async fn is_ours(address: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: doctor\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    matches!(timeout(PATIENCE, asked).await, Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Outcome;

    #[test]
    fn an_address_that_names_no_machine_is_not_to_be_advertised() {
        let outcome =
            |ip: &str, is_shared| untold(&KAFKA, SocketAddr::new(ip.parse().unwrap(), 9092), is_shared).outcome;
        assert_eq!(outcome("0.0.0.0", true), Outcome::Failure);
        assert_eq!(outcome("0.0.0.0", false), Outcome::Warning);
        assert_eq!(outcome("127.0.0.1", true), Outcome::Warning);
        assert_eq!(outcome("127.0.0.1", false), Outcome::Ok);
        assert_eq!(outcome("10.0.0.1", true), Outcome::Ok);
    }

    #[tokio::test]
    async fn an_advertised_name_that_cannot_be_resolved_is_a_failure() {
        let finding = told(&KAFKA, "no-such-host.invalid", 9092).await;
        assert_eq!(finding.outcome, Outcome::Failure);
        assert!(finding.found.contains("no-such-host.invalid"), "{}", finding.found);
        assert_eq!(told(&KAFKA, "127.0.0.1", 1).await.outcome, Outcome::Ok);
    }
}
