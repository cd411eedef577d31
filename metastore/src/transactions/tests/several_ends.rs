//! Ends that are made by one metastore transaction.

use proptest::prelude::*;

use super::*;

const V2: TransactionVersion = TransactionVersion::V2;

fn request(name: &str, producer: TransactionalProducer, verdict: Verdict) -> EndRequest {
    EndRequest { id: id(name), end: End { producer, verdict, version: V2 }, fresh: OTHER }
}

#[tokio::test]
async fn they_get_markers_in_their_order_and_answers_of_their_own() {
    let mut world = World::new().await;
    let mut by = Vec::new();
    for (number, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        by.push(world.init(name, ProducerId(10 + number as i64)).await);
        world.write(by[number], V2, 0, 0).await.unwrap();
    }
    let requests = [
        request("a", by[0], Verdict::Commit),
        request("b", by[1], Verdict::Abort),
        request("d", producer(99, 0), Verdict::Commit),
        request("c", by[2], Verdict::Commit),
    ];
    let answers = world.metastore.transactions.end_first(&requests, || NOW).await.unwrap();
    let next = |n: usize| Ok(producer(by[n].id.0, 1));
    let refused = Err(TransactionError::UnknownProducer.into());
    assert_eq!(answers, [next(0), next(1), refused, next(2)]);
    assert_eq!(world.head(0).await, (6, 11), "that of d is open from 6 on");
    assert_eq!(world.aborted(0).await, [AbortedTransaction { producer: by[1].id, first: Offset(2), last: Offset(9) }]);
    let feed = world.metastore.feed.read(&FeedPosition::START, 100).await.unwrap();
    let Some((_, FeedEntry::TransactionEnd { partitions })) = feed.last() else { panic!("{feed:?}") };
    let markers: Vec<_> = partitions.iter().map(|end| (end.marker.offsets.start.0, end.stable.0)).collect();
    assert_eq!(markers, [(8, 2), (9, 4), (10, 6)]);
    world.end("d", by[3], Verdict::Commit, V2).await.unwrap();
    assert_eq!(world.head(0).await, (12, 12));
}

#[tokio::test]
async fn as_many_are_made_as_one_transaction_may_be_large_and_the_same_id_once() {
    let world = World::new().await;
    let (a, b) = (world.init("a", FRESH).await, world.init("b", OTHER).await);
    let partition = |n: u32| TopicPartition { partition: PartitionIndex(n.cast_signed()), ..world.partitions[0] };
    let partitions: Vec<_> = (0..TRANSACTION_MEMBERS_MAX).map(partition).collect();
    let groups: Vec<_> = (0..TRANSACTION_GROUPS_MAX).map(|n| GroupId::new(&format!("g{n}")).unwrap()).collect();
    let transactions = &world.metastore.transactions;
    let made = async |requests: &[EndRequest]| transactions.end_first(requests, || NOW).await.unwrap().len();

    transactions.add(&id("a"), a, &partitions, &[], NOW).await.unwrap();
    transactions.add(&id("b"), b, &partitions[..1], &[], NOW).await.unwrap();
    assert_eq!(made(&[request("a", a, Verdict::Commit), request("b", b, Verdict::Commit)]).await, 1);
    assert_eq!(made(&[request("b", b, Verdict::Commit)]).await, 1);

    let (a, b) = (producer(a.id.0, 1), producer(b.id.0, 1));
    transactions.add(&id("a"), a, &[], &groups, NOW).await.unwrap();
    transactions.add(&id("b"), b, &[], &groups[..1], NOW).await.unwrap();
    assert_eq!(made(&[request("b", b, Verdict::Abort), request("a", a, Verdict::Abort)]).await, 2);
    assert_eq!(made(&[request("a", a, Verdict::Abort), request("a", a, Verdict::Abort)]).await, 1);
}

/// What a producer does: it writes to a partition, or its transaction ends.
#[derive(Clone, Copy, Debug)]
enum Step {
    Write { by: usize, partition: usize },
    End { by: usize, verdict: Verdict },
}

const PRODUCERS: usize = 4;

fn step() -> impl Strategy<Value = Step> {
    let write = (0..PRODUCERS, 0..2_usize).prop_map(|(by, partition)| Step::Write { by, partition });
    let verdict = prop_oneof![Just(Verdict::Commit), Just(Verdict::Abort)];
    let end = (0..PRODUCERS, verdict).prop_map(|(by, verdict)| Step::End { by, verdict });
    prop_oneof![2 => write, 1 => end]
}

/// Makes the steps. Ends that follow each other are made up to `at_once` by one metastore transaction. Returns all that
/// readers see.
async fn made(steps: &[Step], at_once: usize) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut world = World::new().await;
    let (mut by, mut batches, mut ends) = (Vec::new(), [[0; 2]; PRODUCERS], Vec::new());
    for number in 0..PRODUCERS {
        by.push(world.init(&number.to_string(), ProducerId(10 + number as i64)).await);
    }
    for step in steps.iter().copied().map(Some).chain([None]) {
        if let Some(Step::End { by: number, verdict }) = step {
            ends.push((number, verdict));
            continue;
        }
        while !ends.is_empty() {
            let next = ends.iter().take(at_once);
            let requests: Vec<_> = next.map(|(n, verdict)| request(&n.to_string(), by[*n], *verdict)).collect();
            let answers = world.metastore.transactions.end_first(&requests, || NOW).await.unwrap();
            for ((number, _), answer) in ends.drain(..answers.len()).zip(answers) {
                if let Ok(next) = answer {
                    (by[number], batches[number]) = (next, [0; 2]);
                }
            }
        }
        if let Some(Step::Write { by: number, partition }) = step {
            world.write(by[number], V2, partition, batches[number][partition]).await.unwrap();
            batches[number][partition] += 1;
        }
    }
    let mut seen = Vec::new();
    for partition in world.partitions.iter().copied() {
        let head = world.metastore.log.head(partition).await.unwrap();
        seen.push((head, world.metastore.log.find_with_aborted(partition, Offset(0), 1_000).await.unwrap()));
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn they_change_the_same_as_one_by_one(steps in prop::collection::vec(step(), 1..30), at_once in 2..5_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (one, several) = runtime.block_on(async { (made(&steps, 1).await, made(&steps, at_once).await) });
        prop_assert_eq!(one, several);
    }
}
