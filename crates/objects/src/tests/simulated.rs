//! The simulated bucket behaves like a remote one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use crate::faults::{BucketFaultSwitch, BucketFaults, SimulatedBucket};
use crate::{Objects, ObjectsConfig};

fn client(bucket: &SimulatedBucket, faults: BucketFaults) -> (Objects, BucketFaultSwitch) {
    let switch = BucketFaultSwitch::new(faults, 1);
    (Objects::new(bucket.client(switch.clone()), "", ObjectsConfig::default()), switch)
}

fn one_part() -> Vec<Bytes> {
    vec![Bytes::from_static(b"bytes")]
}

#[tokio::test(start_paused = true)]
async fn a_put_that_was_sent_is_done_even_if_the_caller_stopped_waiting() {
    let bucket = SimulatedBucket::new(|| 0);
    let (objects, _) = client(&bucket, BucketFaults { latency_max: Duration::from_secs(2), ..Default::default() });
    let given_up = timeout(Duration::from_millis(1), objects.put("a", one_part())).await;
    assert!(given_up.is_err() && bucket.keys().is_empty());
    sleep(Duration::from_secs(3)).await;
    assert_eq!(bucket.keys(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_cut_off_waits_and_the_others_do_not() {
    let bucket = SimulatedBucket::new(|| 0);
    let ((one, switch), (other, _)) =
        (client(&bucket, BucketFaults::default()), client(&bucket, BucketFaults::default()));
    switch.cut(true);
    let heal = switch.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(3)).await;
        heal.cut(false);
    });
    let started = Instant::now();
    other.put("a", one_part()).await.expect("not cut off");
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(one.get("a").await.expect("after the cut"), Bytes::from_static(b"bytes"));
    assert!(started.elapsed() >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_torn_listing_misses_only_what_is_new_or_fails() {
    let now = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&now);
    let bucket = SimulatedBucket::new(move || clock.load(Ordering::Relaxed));
    let (objects, switch) = client(&bucket, BucketFaults::default());
    objects.put("x/old", one_part()).await.expect("put");
    now.store(3_600_000, Ordering::Relaxed);
    objects.put("x/new", one_part()).await.expect("put");
    switch.set(BucketFaults { torn_list_per_mille: 1_000, ..Default::default() });
    let mut sizes = Vec::new();
    for _ in 0..50 {
        if let Ok(listed) = objects.list("x", None, 10).await {
            assert!(listed.iter().any(|listed| listed.key == "x/old"), "{listed:?}");
            sizes.push(listed.len());
        }
    }
    assert!(sizes.contains(&1) && sizes.contains(&2), "{sizes:?}");
}

#[tokio::test(start_paused = true)]
async fn slow_or_truncated_bodies_are_returned_whole_or_as_an_error() {
    let bucket = SimulatedBucket::new(|| 0);
    let (objects, switch) = client(&bucket, BucketFaults::default());
    let bytes = Bytes::from(vec![7; 1_000]);
    objects.put("a", vec![bytes.clone()]).await.expect("put");
    switch.set(BucketFaults {
        cut_short_per_mille: 400,
        slow_body_per_mille: 400,
        slow_body_pause_max: Duration::from_secs(1),
        unavailable_per_mille: 200,
        ..Default::default()
    });
    for _ in 0..20 {
        if let Ok(read) = objects.get("a").await {
            assert_eq!(read, bytes);
        }
    }
}
