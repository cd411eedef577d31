//! The same seed gives the same history, event by event and instant by instant.

use std::time::Duration;

use alluvium_sim::run::{RunOptions, RunReport, run};

fn short(seed: u64) -> RunReport {
    run(RunOptions { seed, duration: Some(Duration::from_secs(8)), ..RunOptions::default() })
}

#[test]
fn the_same_seed_twice_gives_the_same_trace_and_another_seed_another() {
    let digests = [1_002, 1_004].map(|seed| {
        // The second run is in a thread of its own: nothing may depend on what ran in the thread before.
        let first = short(seed);
        let second = std::thread::spawn(move || short(seed)).join().expect("a run ends");
        let place = first.history.events.iter().zip(&second.history.events).position(|(one, other)| one != other);
        if let Some(place) = place {
            let (one, other) = (&first.history.events[place], &second.history.events[place]);
            panic!("seed {seed} differs at event {place}:\n{one:?}\n{other:?}");
        }
        assert_eq!(first.history.digest(), second.history.digest());
        assert_eq!(first.elapsed, second.elapsed);
        first.history.digest()
    });
    assert_ne!(digests[0], digests[1]);
}
