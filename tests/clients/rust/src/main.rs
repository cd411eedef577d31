//! Runs a scenario with rdkafka, which is librdkafka for Rust: basics, transactions, or copy.

mod basics;
mod copying;
mod transactions;

use std::time::Duration;

use rdkafka::{
    ClientConfig, ClientContext,
    error::KafkaResult,
    producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer},
};

/// What is waited for takes less, or fails.
const WAIT: Duration = Duration::from_secs(60);
/// One poll of a consumer; so many in a row may return nothing before what is waited for has failed.
const POLL: Duration = Duration::from_millis(100);
const EMPTY_POLLS_MAX: u32 = 600;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["basics", bootstrap, topic, group] => basics::basics(bootstrap, topic, group),
        ["transactions", bootstrap, topic] => transactions::transactions(bootstrap, topic),
        ["copy", bootstrap, source, sink, group, id] => copying::copy_all(bootstrap, source, sink, group, id),
        _ => panic!("no such scenario: {arguments:?}"),
    }
    println!("all is well");
}

fn config(bootstrap: &str, more: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    // A server that was killed is back within a second.
    config.set("bootstrap.servers", bootstrap).set("reconnect.backoff.max.ms", "500");
    for (key, value) in more {
        config.set(*key, *value);
    }
    config
}

/// Prints the deliveries that fail.
struct Deliveries;

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            println!("not delivered: {error}");
        }
    }
}

/// A producer with a thread that polls it.
type Sender = ThreadedProducer<Deliveries>;

fn transactional(bootstrap: &str, id: &str, more: &[(&str, &str)]) -> KafkaResult<Sender> {
    let mut config = config(bootstrap, more);
    config.set("transactional.id", id).set("linger.ms", "5");
    let sender: Sender = config.create_with_context(Deliveries)?;
    sender.init_transactions(WAIT)?;
    Ok(sender)
}

fn send(sender: &Sender, topic: &str, value: &[u8]) -> KafkaResult<()> {
    sender.send(BaseRecord::<[u8], [u8]>::to(topic).payload(value)).map_err(|(error, _)| error)
}
