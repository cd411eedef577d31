//! The objects of the bucket, and their listing.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use rskafka::chrono::{DateTime, SecondsFormat, Utc};

/// Keys per page of a listing: few, so that listings have several pages.
const PAGE_KEYS: usize = 10;

#[derive(Default)]
pub struct Bucket {
    objects: Mutex<BTreeMap<String, Object>>,
    /// Bucket settings by name, as XML.
    settings: Mutex<BTreeMap<String, String>>,
}

#[derive(Clone)]
pub struct Object {
    pub bytes: Bytes,
    pub modified: DateTime<Utc>,
}

impl Bucket {
    pub fn put(&self, key: &str, bytes: Bytes) {
        self.objects().insert(key.to_owned(), Object { bytes, modified: Utc::now() });
    }

    pub fn get(&self, key: &str) -> Option<Object> {
        self.objects().get(key).cloned()
    }

    pub fn delete(&self, key: &str) {
        self.objects().remove(key);
    }

    pub fn keys(&self) -> Vec<String> {
        self.objects().keys().cloned().collect()
    }

    /// One page of the keys that begin with `prefix` and come after `after`, as `ListObjectsV2` answers.
    pub fn page(&self, prefix: &str, after: &str) -> String {
        let objects = self.objects();
        let found = objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after);
        let mut found = found.peekable();
        let (mut contents, mut last) = (String::new(), "");
        for (key, object) in found.by_ref().take(PAGE_KEYS) {
            let modified = object.modified.to_rfc3339_opts(SecondsFormat::Millis, true);
            let size = object.bytes.len();
            write!(
                contents,
                "<Contents><Key>{key}</Key><LastModified>{modified}</LastModified><Size>{size}</Size></Contents>"
            )
            .expect("strings take all");
            last = key;
        }
        let more = match found.peek() {
            Some(_) => {
                format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>")
            }
            None => "<IsTruncated>false</IsTruncated>".to_owned(),
        };
        format!("<ListBucketResult>{more}{contents}</ListBucketResult>")
    }

    pub fn set(&self, name: &str, xml: &str) {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), xml.to_owned());
    }

    pub fn setting(&self, name: &str) -> Option<String> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
