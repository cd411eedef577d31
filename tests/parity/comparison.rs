//! Runs cases against both servers and compares their answers.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    sync::Arc,
};

use alluvium_runtime::{Rng, SystemRng};
use alluvium_wire::{
    ApiKey, ErrorCode, Versions,
    messages::{
        api_versions::{ApiVersionsRequest, ApiVersionsResponse},
        find_coordinator::FindCoordinatorRequest,
        init_producer_id::InitProducerIdRequest,
        offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup},
    },
};

use crate::{
    answer::Fact,
    server::Server,
    side::{Answer, Side, connect},
};

const KAFKA: &str = "ALLUVIUM_TEST_KAFKA";
/// Versions that differ in the same way are reported together.
type Difference = (usize, String, ApiKey, String, String, String);

/// An intended difference: in which cases (by the beginning of their names), in which fields (by a part of their
/// paths), and why.
pub struct Intended {
    case: &'static str,
    field: &'static str,
    why: &'static str,
}

/// A difference in all fields of a case.
pub const fn intended(case: &'static str, why: &'static str) -> Intended {
    Intended { case, field: "", why }
}

/// A difference in one field, in some cases or (if none is named) in all of them.
pub const fn intended_in(field: &'static str, case: &'static str, why: &'static str) -> Intended {
    Intended { case, field, why }
}

/// Error messages are for people: clients do not depend on them.
pub const MORE_WORDS: Intended = intended_in("error_message", "", "Alluvium gives a reason if Kafka gives none");
pub const ANSWERED_ONCE: &str = "once for each name, so that small requests do not get huge responses";
pub const ANSWERED_EACH: &str = "an entry that a request names twice is answered twice; Kafka keeps one, in a hash map";
pub const KAFKA_FAILS: &str = "Kafka fails internally (-1); Alluvium reports what is wrong, or treats it as absent";

/// Runs `cases` against Kafka and a new Alluvium, and fails if they differ in any way that is not `intended`.
pub async fn compare(cases: impl AsyncFn(&mut Side), intended: &[Intended]) {
    let kafka = std::env::var(KAFKA).expect("ALLUVIUM_TEST_KAFKA names a Kafka to compare with");
    let server = Server::start(&["--node-id", "1"]);
    let common = Arc::new(common_versions(&kafka, &server.address()).await);
    let run: Arc<str> = format!("{:08x}", SystemRng.next_u64() >> 32).into();
    let mut theirs = Side::connect(&kafka, &common, &run).await;
    let mut ours = Side::connect(&server.address(), &common, &run).await;
    tokio::join!(warm_up(&theirs), warm_up(&ours));
    tokio::join!(cases(&mut theirs), cases(&mut ours));
    check_differences(&theirs.answers, &ours.answers, intended);
}

/// The versions that both servers advertise and we implement.
async fn common_versions(kafka: &str, alluvium: &str) -> HashMap<ApiKey, Versions> {
    let (theirs, ours) = tokio::join!(advertised(kafka), advertised(alluvium));
    let both = ours.api_keys.iter().filter_map(|one| {
        let api = ApiKey::from_code(one.api_key)?;
        let other = theirs.api_keys.iter().find(|other| other.api_key == one.api_key)?;
        let spoken = api.versions();
        let min = spoken.min.max(one.min_version).max(other.min_version);
        Some((api, Versions { min, max: spoken.max.min(one.max_version).min(other.max_version) }))
    });
    both.collect()
}

async fn advertised(address: &str) -> ApiVersionsResponse {
    let request = ApiVersionsRequest { client_software_name: "parity".into(), client_software_version: "1".into() };
    connect(address).await.call(&request).await.expect("the versions that a server speaks")
}

/// Waits until a new Kafka has created and loaded the partitions of its coordinators.
async fn warm_up(side: &Side) {
    let key = side.name("group");
    let find = FindCoordinatorRequest { coordinator_keys: vec![key.clone()], ..Default::default() };
    side.until(&find, |answer| answer.coordinators[0].error_code.is_none()).await;
    let transaction = FindCoordinatorRequest { key_type: 1, ..find };
    side.until(&transaction, |answer| answer.coordinators[0].error_code.is_none()).await;
    let group = OffsetFetchRequestGroup { group_id: key, topics: None, ..Default::default() };
    let fetch = OffsetFetchRequest { groups: vec![group], ..Default::default() };
    side.until(&fetch, |answer| answer.groups[0].error_code.is_none()).await;
    let init = InitProducerIdRequest { transactional_id: None, ..Default::default() };
    side.until(&init, |answer| answer.error_code == ErrorCode::NONE).await;
}

#[expect(clippy::print_stdout, reason = "how much was compared is part of the result")]
fn check_differences(theirs: &[Answer], ours: &[Answer], intended: &[Intended]) {
    assert_eq!(theirs.len(), ours.len(), "both sides got the same requests");
    let mut differences: BTreeMap<Difference, Vec<i16>> = BTreeMap::new();
    let mut met = vec![false; intended.len()];
    let (mut order, mut meant) = (HashMap::new(), 0);
    for (theirs, ours) in theirs.iter().zip(ours) {
        assert_eq!((&theirs.case, theirs.api, theirs.version), (&ours.case, ours.api, ours.version), "same order");
        let next = order.len();
        let at = *order.entry((&theirs.case, theirs.api)).or_insert(next);
        for (path, kafka, alluvium) in difference(&theirs.facts, &ours.facts) {
            match intended.iter().position(|intended| intended.covers(&theirs.case, &path)) {
                Some(index) => (met[index], meant) = (true, meant + 1),
                None => {
                    let key = (at, theirs.case.clone(), theirs.api, path, kafka, alluvium);
                    differences.entry(key).or_default().push(theirs.version);
                }
            }
        }
    }
    println!("{} answers compared, {meant} fields differ as intended", theirs.len());
    let mut unexpected = listed(&differences);
    for (intended, _) in intended.iter().zip(met).filter(|(_, met)| !met) {
        let Intended { case, field, why } = intended;
        writeln!(unexpected, "intended, but not seen: case {case:?}, field {field:?} ({why})").expect("memory");
    }
    assert!(unexpected.is_empty(), "Kafka and Alluvium differ:\n{unexpected}");
}

impl Intended {
    fn covers(&self, case: &str, path: &str) -> bool {
        case.starts_with(self.case) && path.contains(self.field)
    }
}

/// Path, what Kafka says there, what Alluvium says there.
fn difference(theirs: &[Fact], ours: &[Fact]) -> Vec<(String, String, String)> {
    let absent = || "(nothing)".to_owned();
    let value = |facts: &[Fact], path: &str| facts.iter().find(|fact| fact.path == path).map(|fact| fact.value.clone());
    let mut found = Vec::new();
    for Fact { path, value: kafka } in theirs {
        let alluvium = value(ours, path);
        if alluvium.as_ref() != Some(kafka) {
            found.push((path.clone(), kafka.clone(), alluvium.unwrap_or_else(absent)));
        }
    }
    let only_ours = ours.iter().filter(|fact| value(theirs, &fact.path).is_none());
    found.extend(only_ours.map(|fact| (fact.path.clone(), absent(), fact.value.clone())));
    found
}

fn listed(differences: &BTreeMap<Difference, Vec<i16>>) -> String {
    let mut text = String::new();
    for ((_, case, api, path, kafka, alluvium), versions) in differences {
        writeln!(text, "{case} [{api} {versions:?}] {path}: Kafka {kafka}, Alluvium {alluvium}").expect("memory");
    }
    text
}
