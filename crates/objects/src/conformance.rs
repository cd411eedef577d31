//! The conformance suite: what every kind of store must do.
#![expect(clippy::unwrap_used, reason = "a test, for other crates too")]

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::{ErrorKind, ListedObject, Objects};

/// The whole suite, on an empty store.
///
/// # Panics
/// If the store does something else.
pub async fn conforms(objects: Objects) {
    checks_without_leaving_an_object(&objects).await;
    keeps_every_byte(&objects).await;
    puts_with_the_name_first(&objects).await;
    reads_exactly_the_requested_range(&objects).await;
    reports_absent_objects(&objects).await;
    lists_in_order_page_by_page(&objects).await;
    deletes_present_and_absent_objects(&objects).await;
    rejects_malformed_keys(&objects).await;
}

/// The body of an object that has this text.
#[must_use]
pub fn parts(text: &'static str) -> Vec<Bytes> {
    vec![Bytes::from_static(text.as_bytes())]
}

async fn keys(objects: &Objects, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let page = objects.list(prefix, after, limit).await.unwrap();
    page.into_iter().map(|ListedObject { key, .. }| key).collect()
}

async fn checks_without_leaving_an_object(objects: &Objects) {
    objects.check().await.unwrap();
    assert_eq!(keys(objects, "", None, 10).await, [""; 0]);
}

async fn keeps_every_byte(objects: &Objects) {
    let large = Bytes::from(vec![7_u8; 3 << 20]);
    let body = vec![Bytes::from_static(b"small"), large.clone(), Bytes::new(), Bytes::from_static(b"end")];
    let whole = body.concat();
    objects.put("a/large", body).await.unwrap();
    assert!(objects.get("a/large").await.unwrap() == whole);
    assert_eq!(objects.head("a/large").await.unwrap(), whole.len() as u64);
    let before = objects.usage().totals();
    assert_eq!(objects.get("a/large").await.unwrap().len(), whole.len());
    let after = objects.usage().totals();
    assert_eq!((after.gets - before.gets, after.get_bytes - before.get_bytes), (1, whole.len() as u64));
    objects.put("a/large", parts("replaced")).await.unwrap();
    assert_eq!(objects.get("a/large").await.unwrap(), "replaced");
    let unusual = Bytes::from([vec![1_u8; 16 << 20], vec![2; 9]].concat());
    objects.put("a/unusual", vec![unusual.clone()]).await.unwrap();
    assert!(objects.get("a/unusual").await.unwrap() == unusual);
    objects.delete(&["a/unusual".to_owned()]).await.unwrap();
    objects.put("a/empty", Vec::new()).await.unwrap();
    assert_eq!(objects.get("a/empty").await.unwrap(), "");
    let key = "history/orders.v1/00000000-0000-0000-0000-000000000005/partition=3/0-1.parquet";
    objects.put(key, parts("x")).await.unwrap();
    assert_eq!(keys(objects, "history/orders.v1", None, 10).await, [key]);
}

async fn puts_with_the_name_first(objects: &Objects) {
    let large = Bytes::from(vec![3_u8; 300 << 10]);
    let body = vec![Bytes::from_static(b"small"), large, Bytes::from_static(b"end")];
    for key in ["first/00/a", "first/00/b", "first/ff/c"] {
        for _another_try in 0..2 {
            objects.put_name_first(key, body.clone(), &Arc::default()).await.unwrap();
        }
        assert!(objects.get(key).await.unwrap() == body.concat(), "{key}");
    }
    assert_eq!(keys(objects, "first/", None, 10).await, ["first/00/a", "first/00/b", "first/ff/c"]);
    objects.delete(&["first/00/a", "first/00/b", "first/ff/c"].map(str::to_owned)).await.unwrap();
}

async fn reads_exactly_the_requested_range(objects: &Objects) {
    objects.put("r", parts("0123456789")).await.unwrap();
    assert_eq!(objects.get_range("r", 2..5).await.unwrap(), "234");
    assert_eq!(objects.get_range("r", 9..10).await.unwrap(), "9");
    assert_eq!(objects.get_range("r", 5..5).await.unwrap(), "");
    let ranges = [7..9, 0..1, 3..3, 0..10];
    assert_eq!(objects.get_ranges("r", &ranges).await.unwrap(), ["78", "0", "", "0123456789"]);
    for beyond in [5..11, 10..11, 100..200] {
        let error = objects.get_range("r", beyond.clone()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Range, "{beyond:?}: {error}");
    }
    assert_eq!(objects.get_within("r", 4..8).await.unwrap(), "4567");
    assert_eq!(objects.get_within("r", 8..1_000).await.unwrap(), "89");
    assert_eq!(objects.get_within("r", 10..12).await.unwrap_err().kind, ErrorKind::Range);
}

async fn reports_absent_objects(objects: &Objects) {
    let failures = objects.usage().totals().failures;
    assert_eq!(objects.head("absent").await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(objects.get("absent").await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(objects.get_range("absent", 0..1).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(keys(objects, "absent/", None, 10).await, [""; 0]);
    assert_eq!(objects.usage().totals().failures, failures);
}

#[expect(clippy::disallowed_methods, reason = "stores stamp objects with the machine's time")]
async fn lists_in_order_page_by_page(objects: &Objects) {
    for n in [4, 1, 3, 0, 2] {
        objects.put(&format!("l/{n}/x"), parts("four")).await.unwrap();
    }
    objects.put("l2/other", parts("")).await.unwrap();
    let listed = objects.list("l/", None, 1).await.unwrap();
    assert_eq!((listed[0].key.as_str(), listed[0].bytes), ("l/0/x", 4));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    assert!(now.abs_diff(listed[0].modified_ms.try_into().unwrap()) < 300_000, "{listed:?}");
    assert_eq!(keys(objects, "l/", None, 2).await, ["l/0/x", "l/1/x"]);
    assert_eq!(keys(objects, "l", Some("l/1/x"), 2).await, ["l/2/x", "l/3/x"]);
    assert_eq!(keys(objects, "l/", Some("l/3/x"), 2).await, ["l/4/x"]);
    assert_eq!(keys(objects, "l/", Some("l/4/x"), 2).await, [""; 0]);
}

async fn deletes_present_and_absent_objects(objects: &Objects) {
    let all: Vec<String> = (0..12).map(|n| format!("d/{n}")).collect();
    for key in all.iter().skip(2) {
        objects.put(key, parts("x")).await.unwrap();
    }
    objects.delete(&all).await.unwrap();
    objects.delete(&all).await.unwrap();
    objects.delete(&[]).await.unwrap();
    assert_eq!(keys(objects, "d", None, 10).await, [""; 0]);
    let rest = keys(objects, "", None, 100).await;
    assert_eq!(rest.len(), 10);
    objects.delete(&rest).await.unwrap();
}

async fn rejects_malformed_keys(objects: &Objects) {
    for key in ["", "a//b", "../a", "a/../b", "/a"] {
        assert_eq!(objects.get(key).await.unwrap_err().kind, ErrorKind::Invalid, "{key:?}");
        assert_eq!(objects.put(key, parts("x")).await.unwrap_err().kind, ErrorKind::Invalid, "{key:?}");
    }
}
