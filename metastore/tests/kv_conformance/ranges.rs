//! Range reads.

use std::sync::Arc;

use alluvium_metastore::kv::{Attempt, Range};

use crate::engines::{Subject, add, clear, clear_range, set, text};

async fn keys(attempt: &Arc<dyn Attempt>, query: Range) -> String {
    let rows = attempt.range(&query).await.unwrap();
    rows.into_iter().map(|(key, _)| text(key)).collect::<Vec<_>>().join(" ")
}

pub async fn ranges_are_ordered_and_limited_in_both_directions(subject: Subject) {
    for key in ["d", "b", "a", "c", "ba"] {
        subject.put(key, key).await;
    }
    let attempt = subject.begin();
    let all = || Range::new("a", "d");
    assert_eq!(keys(&attempt, all()).await, "a b ba c");
    assert_eq!(keys(&attempt, all().reverse()).await, "c ba b a");
    assert_eq!(keys(&attempt, all().limit(2)).await, "a b");
    assert_eq!(keys(&attempt, all().limit(2).reverse()).await, "c ba");
    assert_eq!(keys(&attempt, all().limit(0)).await, "");
    assert_eq!(keys(&attempt, Range::prefix("b").snapshot()).await, "b ba");
    assert_eq!(keys(&attempt, Range::new("a", "a")).await, "");
}

pub async fn ranges_show_own_writes(subject: Subject) {
    for key in ["a", "b", "c", "d", "e"] {
        subject.put(key, "old").await;
    }
    let attempt = subject.begin();
    attempt.write(clear_range("b", "d"));
    attempt.write(set("c", "new"));
    attempt.write(set("aa", "new"));
    attempt.write(clear("e"));
    attempt.write(set("f", "new"));
    let all = || Range::new("a", "z");
    assert_eq!(keys(&attempt, all()).await, "a aa c d f");
    assert_eq!(keys(&attempt, all().reverse()).await, "f d c aa a");
    assert_eq!(keys(&attempt, all().limit(3)).await, "a aa c");
    assert_eq!(keys(&attempt, all().limit(3).reverse()).await, "f d c");
    let rows = attempt.range(&Range::new("c", "e")).await.unwrap();
    assert_eq!(rows.into_iter().map(|(_, value)| text(value)).collect::<Vec<_>>(), ["new", "old"]);
    attempt.write(add("n", 5));
    attempt.write(add("n", 6));
    let rows = attempt.range(&Range::prefix("n")).await.unwrap();
    assert_eq!(rows[0].1.as_ref(), 11i64.to_le_bytes());
    attempt.commit().await.unwrap();
    assert_eq!(keys(&subject.begin(), all()).await, "a aa c d f n");
}

pub async fn ranges_of_many_rows_are_complete(subject: Subject) {
    let names: Vec<String> = (0..1_000).map(|number| format!("{number:04}")).collect();
    let attempt = subject.begin();
    names.iter().for_each(|name| attempt.write(set(name, name)));
    attempt.commit().await.unwrap();
    let attempt = subject.begin();
    (0..1_000).step_by(10).for_each(|number| attempt.write(clear(&names[number])));
    let left: Vec<&str> = names.iter().enumerate().filter(|(i, _)| i % 10 != 0).map(|(_, name)| &name[..]).collect();
    assert_eq!(keys(&attempt, Range::new("0", "9")).await, left.join(" "));
    let reversed: Vec<&str> = left.iter().rev().copied().collect();
    assert_eq!(keys(&attempt, Range::new("0", "9").reverse()).await, reversed.join(" "));
}

pub async fn cleared_ranges_lose_their_rows_and_no_others(subject: Subject) {
    for key in ["a", "b", "c", "d"] {
        subject.put(key, key).await;
    }
    let attempt = subject.begin();
    attempt.write(clear_range("b", "d"));
    attempt.write(clear_range("z", "y"));
    attempt.commit().await.unwrap();
    assert_eq!(keys(&subject.begin(), Range::prefix("")).await, "a d");
}
