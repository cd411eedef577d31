//! Behaviour over a failing store. Time is virtual.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{join_all, try_join_all};
use tokio::time::Instant;

use super::{faulty, parts};
use crate::faults::{Fault, FaultRule};
use crate::{ErrorKind, ObjectsConfig, Operation, RetryPolicy};

fn config() -> ObjectsConfig {
    ObjectsConfig { hedge_after: None, ..ObjectsConfig::default() }
}

fn hedging() -> ObjectsConfig {
    ObjectsConfig { hedge_after: Some(Duration::from_millis(500)), ..ObjectsConfig::default() }
}

#[tokio::test(start_paused = true)]
async fn transient_failures_are_retried() {
    let (objects, faults) = faulty(config());
    faults.inject(FaultRule::always(Fault::Unavailable).times(2));
    objects.put("k", parts("v")).await.unwrap();
    faults.inject(FaultRule::on(Operation::Get, Fault::Unavailable).times(2));
    assert_eq!(objects.get_range("k", 0..1).await.unwrap(), "v");
    faults.inject(FaultRule::on(Operation::List, Fault::Unavailable).times(2));
    assert_eq!(objects.list("", None, 10).await.unwrap().len(), 1);
    faults.inject(FaultRule::on(Operation::Delete, Fault::Unavailable).times(2));
    objects.delete(&["k".to_owned()]).await.unwrap();
    let totals = objects.usage().totals();
    assert_eq!((totals.retries, totals.failures), (8, 0));
    assert_eq!((totals.puts, totals.gets, totals.lists, totals.deletes), (3, 3, 3, 1));
    assert_eq!((totals.put_bytes, totals.get_bytes), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lasting_failure_is_returned_after_the_allowed_tries() {
    let (objects, faults) = faulty(config());
    faults.inject(FaultRule::always(Fault::Unavailable));
    let error = objects.put("k", parts("v")).await.unwrap_err();
    assert_eq!((error.kind, error.is_retryable()), (ErrorKind::Unavailable, true));
    let totals = objects.usage().totals();
    assert_eq!((totals.puts, totals.retries, totals.failures), (3, 2, 1));
    faults.heal();
    objects.put("k", parts("v")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_background_policy_outlasts_a_minute_of_failures() {
    let (objects, faults) = faulty(config());
    faults.inject(FaultRule::always(Fault::Unavailable));
    let background = objects.with_retry(RetryPolicy::background());
    let heal = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        faults.heal();
    };
    let (put, ()) = tokio::join!(background.put("k", parts("v")), heal);
    put.unwrap();
    assert!(objects.usage().totals().retries > 5);
}

#[tokio::test(start_paused = true)]
async fn errors_that_are_not_retryable_fail_at_once() {
    for (fault, kind) in [
        (Fault::Denied, ErrorKind::Denied),
        (Fault::NoSuchBucket, ErrorKind::NoSuchBucket),
        (Fault::Full, ErrorKind::Full),
        (Fault::NotFound, ErrorKind::NotFound),
    ] {
        let (objects, faults) = faulty(config());
        faults.inject(FaultRule::always(fault));
        let error = objects.check().await.unwrap_err();
        assert_eq!((error.kind, error.is_retryable()), (kind, false));
        assert_eq!(objects.usage().totals().retries, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_responds_times_out_within_the_deadline() {
    let (objects, faults) = faulty(config());
    faults.inject(FaultRule::always(Fault::Hang));
    let start = Instant::now();
    let error = objects.put("k", parts("v")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    let RetryPolicy { deadline, .. } = RetryPolicy::default();
    assert!(start.elapsed() <= deadline && start.elapsed() > deadline / 2, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_large_object_gets_time_for_its_bytes() {
    let (objects, faults) = faulty(config());
    faults.inject(FaultRule::always(Fault::Delay(Duration::from_secs(20))));
    let large = Bytes::from(vec![0; 64 << 20]);
    objects.put("k", vec![large]).await.unwrap();
    assert_eq!(objects.usage().totals().retries, 0);
}

#[tokio::test(start_paused = true)]
async fn a_put_whose_response_was_lost_is_repeated_without_harm() {
    let (objects, faults) = faulty(config());
    faults.inject(FaultRule::on(Operation::Put, Fault::DoneButUnavailable).times(1));
    objects.put("k", parts("v")).await.unwrap();
    assert_eq!(objects.get("k").await.unwrap(), "v");
    assert_eq!(objects.usage().totals().puts, 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_short_is_never_handed_out() {
    let (objects, faults) = faulty(config());
    objects.put("k", parts("0123456789")).await.unwrap();
    faults.inject(FaultRule::on(Operation::Get, Fault::CutShort(4)).times(1));
    assert_eq!(objects.get_range("k", 0..8).await.unwrap(), "01234567");
    faults.inject(FaultRule::on(Operation::Get, Fault::CutShort(4)));
    assert_eq!(objects.get_range("k", 0..8).await.unwrap_err().kind, ErrorKind::CutShort);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_probe_is_noticed() {
    let (objects, faults) = faulty(config());
    faults.inject(FaultRule::on(Operation::Get, Fault::Flipped(3)));
    assert_eq!(objects.check().await.unwrap_err().kind, ErrorKind::Corrupt);
}

#[tokio::test(start_paused = true)]
async fn a_slow_get_is_hedged_and_the_first_response_wins() {
    let (objects, faults) = faulty(hedging());
    objects.put("k", parts("v")).await.unwrap();
    faults.inject(FaultRule::on(Operation::Get, Fault::Hang).times(1));
    let start = Instant::now();
    assert_eq!(objects.get_range("k", 0..1).await.unwrap(), "v");
    assert_eq!(start.elapsed(), Duration::from_millis(500));
    let totals = objects.usage().totals();
    assert_eq!((totals.gets, totals.hedges, totals.retries), (2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn if_the_hedge_fails_the_slow_response_is_used() {
    let (objects, faults) = faulty(hedging());
    objects.put("k", parts("v")).await.unwrap();
    faults.inject(FaultRule::on(Operation::Get, Fault::Delay(Duration::from_secs(2))).times(1));
    faults.inject(FaultRule::on(Operation::Get, Fault::Unavailable).times(1));
    assert_eq!(objects.get_range("k", 0..1).await.unwrap(), "v");
    assert_eq!((objects.usage().totals().hedges, objects.usage().totals().retries), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_free_slot_nothing_is_hedged() {
    let (objects, faults) = faulty(ObjectsConfig { gets_in_flight_max: 1, ..hedging() });
    objects.put("k", parts("v")).await.unwrap();
    faults.inject(FaultRule::on(Operation::Get, Fault::Delay(Duration::from_secs(2))).times(1));
    objects.get_range("k", 0..1).await.unwrap();
    assert_eq!(objects.usage().totals().hedges, 0);
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_in_flight_than_allowed() {
    let (objects, faults) = faulty(ObjectsConfig { puts_in_flight_max: 2, ..config() });
    faults.inject(FaultRule::on(Operation::Put, Fault::Delay(Duration::from_secs(1))));
    let start = Instant::now();
    let keys: Vec<String> = (0..5).map(|n| n.to_string()).collect();
    try_join_all(keys.iter().map(|key| objects.put(key, parts("v")))).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_slot_ends_at_the_deadline() {
    let (objects, faults) = faulty(ObjectsConfig { puts_in_flight_max: 1, ..config() });
    faults.inject(FaultRule::on(Operation::Put, Fault::Hang));
    let results = join_all(["a", "b", "c"].map(|key| objects.put(key, parts("v")))).await;
    assert!(results.iter().all(|result| result.as_ref().is_err_and(|error| error.kind == ErrorKind::Timeout)));
}

#[tokio::test(start_paused = true)]
async fn operations_that_fail_together_are_retried_at_different_times() {
    let (objects, _) = faulty(config());
    let (other, _) = faulty(ObjectsConfig { seed: 1, ..config() });
    let wait = Duration::from_secs(1);
    let waits = [objects.jittered(wait), objects.jittered(wait), other.jittered(wait)];
    assert!(waits.iter().all(|jittered| (wait / 2..=wait).contains(jittered)), "{waits:?}");
    assert!(waits[0] != waits[1] && waits[0] != waits[2], "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn ranges_close_together_share_a_get() {
    let (objects, _) = faulty(ObjectsConfig { coalesce_gap_bytes: 2, ..config() });
    objects.put("k", parts("0123456789")).await.unwrap();
    assert_eq!(objects.get_ranges("k", &[8..9, 0..2, 3..5]).await.unwrap(), ["8", "01", "34"]);
    assert_eq!(objects.usage().totals().gets, 2);
}

#[tokio::test(start_paused = true)]
async fn a_read_above_the_size_limit_is_rejected_without_a_request() {
    let (objects, _) = faulty(ObjectsConfig { get_bytes_max: 4, ..config() });
    objects.put("k", parts("0123456789")).await.unwrap();
    assert_eq!(objects.get_range("k", 0..5).await.unwrap_err().kind, ErrorKind::TooLarge);
    assert_eq!(objects.get("k").await.unwrap_err().kind, ErrorKind::TooLarge);
    assert_eq!(objects.get_range("k", 0..u64::MAX).await.unwrap_err().kind, ErrorKind::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn faults_can_be_restricted_to_single_objects() {
    let (objects, faults) = faulty(config());
    faults.inject(FaultRule::on(Operation::Put, Fault::Denied).key_contains("bad").skip(1).times(1));
    objects.put("bad", parts("v")).await.unwrap();
    objects.put("good", parts("v")).await.unwrap();
    objects.put("bad", parts("v")).await.unwrap_err();
    objects.put("bad", parts("v")).await.unwrap();
}

#[tokio::test]
async fn operations_can_be_spawned() {
    let (objects, _) = faulty(config());
    tokio::spawn(async move {
        objects.check().await.unwrap();
        objects.put("k", parts("v")).await.unwrap();
        objects.get_ranges("k", std::slice::from_ref(&(0..1))).await.unwrap();
        objects.list("", None, 1).await.unwrap();
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_is_the_last_failure_until_a_write_succeeds() {
    let (objects, faults) = faulty(config());
    faults.inject(FaultRule::on(Operation::Put, Fault::Unavailable).times(4));
    objects.put("k", parts("v")).await.unwrap_err();
    assert_eq!(objects.get("absent").await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(
        objects.last_failure().map(|error| (error.operation, error.kind)),
        Some((Operation::Put, ErrorKind::Unavailable))
    );
    objects.put("k", parts("v")).await.unwrap();
    assert_eq!(objects.last_failure(), None, "a failed try that was retried does not count");
}

#[tokio::test(start_paused = true)]
async fn while_suspended_operations_fail_at_once_and_probes_go_on() {
    let (objects, faults) = faulty(config());
    faults.inject(FaultRule::on(Operation::Put, Fault::Hang).times(1));
    let (in_flight, began) = (objects.put("hangs", parts("v")), Instant::now());
    let suspend = async { objects.suspend(true) };
    let (in_flight, ()) = tokio::join!(in_flight, suspend);
    assert_eq!(in_flight.unwrap_err().kind, ErrorKind::Suspended);
    assert_eq!(objects.put("k", parts("v")).await.unwrap_err().kind, ErrorKind::Suspended);
    assert_eq!(objects.get("k").await.unwrap_err().kind, ErrorKind::Suspended);
    assert_eq!(began.elapsed(), Duration::ZERO);
    objects.prober(Duration::from_secs(1)).check().await.unwrap();
    objects.suspend(false);
    objects.put("k", parts("v")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn how_long_nothing_was_answered_is_known_from_the_first_try_to_the_next_success() {
    let (objects, faults) = faulty(config());
    objects.put("k", parts("v")).await.unwrap();
    assert_eq!(objects.unanswered_for(), None);
    faults.inject(FaultRule::always(Fault::Hang));
    let unanswered_while_waiting = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        objects.unanswered_for()
    };
    let (put, waited) = tokio::join!(objects.put("k", parts("v")), unanswered_while_waiting);
    assert_eq!((put.is_err(), waited), (true, Some(Duration::from_secs(2))));
    assert!(objects.unanswered_for() > waited, "it failed, and nothing has succeeded since");
    let prober = objects.prober(Duration::from_secs(1));
    let began = Instant::now();
    prober.check().await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(1), "a probe is tried once");
    faults.heal();
    assert_eq!(objects.get("absent").await.unwrap_err().kind, ErrorKind::NotFound);
    assert!(objects.unanswered_for().is_some(), "nothing was written yet");
    prober.check().await.unwrap();
    assert_eq!(objects.unanswered_for(), None);
}
