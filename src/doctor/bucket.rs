//! The object store: whether objects can be written, read whole and in part, listed, written only once, and deleted; how
//! long that takes.
//!
//! All probes lie in a folder of their own below `probe/`, and are deleted again.

use std::{future::Future, time::Duration};

use alluvium_objects::{Error, ErrorKind, Objects, ObjectsConfig, StoreLocation};
use alluvium_runtime::Rng;
use anyhow::Result;
use bytes::Bytes;
use tokio::time::Instant;

use super::{finding::Finding, latency::Latency, run::Findings};
use crate::config::Settings;

/// Probes of each kind: enough to see what is usual, few enough to be over within seconds.
const PROBES: usize = 20;
/// About a segment of a quiet system.
const PROBE_BYTES: usize = 64 << 10;
/// A part from the middle, as a consumer reads it.
const RANGE: std::ops::Range<u64> = 1_000..5_000;
/// Half of all acknowledgements wait longer than the PUT below them: beyond this, producers notice.
const PUT_P50_USUAL: Duration = Duration::from_millis(250);
/// What a cold read waits for at least.
const GET_P50_USUAL: Duration = Duration::from_millis(150);

/// The store under test, and where probes go.
struct Probe<'a> {
    objects: Objects,
    store: &'a StoreLocation,
    folder: String,
}

/// Checks the object store.
///
/// # Errors
/// Where findings cannot be shown.
pub async fn check(settings: &Settings, rng: &dyn Rng, findings: &mut Findings) -> Result<()> {
    let config =
        ObjectsConfig { seed: rng.next_u64(), retry: settings.store_retry.clone(), ..ObjectsConfig::default() };
    let store = &settings.store;
    let objects = match alluvium_objects::open(store, config).await {
        Ok(objects) => objects,
        Err(error) => return findings.add(trouble("bucket.put", store, &error)),
    };
    let probe = Probe { objects, store, folder: format!("probe/doctor-{:016x}", rng.next_u64()) };
    let put = probe.put().await;
    let is_written = put.means.is_none();
    findings.add(put)?;
    if is_written {
        findings.add(probe.get().await)?;
        findings.add(probe.get_range().await)?;
        findings.add(probe.conditional_put().await)?;
    }
    findings.add(probe.list(if is_written { PROBES } else { 0 }).await)?;
    findings.add(probe.delete().await)
}

impl Probe<'_> {
    fn key(&self, number: usize) -> String {
        format!("{}/{number:04}", self.folder)
    }

    fn once_key(&self) -> String {
        format!("{}-once", self.folder)
    }

    async fn put(&self) -> Finding {
        let write = |number| async move { self.objects.put(&self.key(number), vec![content(number)]).await };
        match timed(write).await {
            Ok(latency) => {
                let found = format!("{}: {PROBES} objects of 64 KiB written, {}", self.store, latency.text());
                latency.noted(usual(
                    Finding::ok("bucket.put", found),
                    latency.percentile(50) <= PUT_P50_USUAL,
                    "Every acknowledgement waits for a PUT: producers wait at least as long.",
                    "Run in the region of the bucket; look for a slow network, a busy server or a throttled account.",
                ))
            }
            Err(error) => trouble("bucket.put", self.store, &error),
        }
    }

    async fn get(&self) -> Finding {
        let read = |number| async move {
            let read = self.objects.get(&self.key(number)).await?;
            if read == content(number) { Ok(()) } else { Err(changed(&self.key(number))) }
        };
        match timed(read).await {
            Ok(latency) => latency.noted(usual(
                Finding::ok("bucket.get", format!("{PROBES} objects read as they were written, {}", latency.text())),
                latency.percentile(50) <= GET_P50_USUAL,
                "Reads of old records wait for a GET each time the cache does not have them.",
                "Run in the region of the bucket; look for a slow network, a busy server or a throttled account.",
            )),
            Err(error) => trouble("bucket.get", self.store, &error),
        }
    }

    async fn get_range(&self) -> Finding {
        let read = |number| async move {
            let read = self.objects.get_range(&self.key(number), RANGE).await?;
            let expected = content(number).slice(RANGE.start as usize..RANGE.end as usize);
            if read == expected { Ok(()) } else { Err(changed(&self.key(number))) }
        };
        match timed(read).await {
            Ok(latency) => {
                let found = format!("{PROBES} parts of objects are exactly what was asked for, {}", latency.text());
                latency.noted(Finding::ok("bucket.get-range", found))
            }
            Err(error) => trouble("bucket.get-range", self.store, &error),
        }
    }

    /// Whether the second writer of one key is refused.
    async fn conditional_put(&self) -> Finding {
        const CHECK: &str = "bucket.conditional-put";
        const MEANS: &str = "Records are safe all the same: who wins is decided in the metastore. But nothing protects \
                             an object of this store from being replaced by mistake.";
        let advice = "Use a store that honours If-None-Match, if others write to this one.";
        let write = |number| async move { self.objects.create(&self.once_key(), vec![content(number)]).await };
        let outcome =
            async { Ok::<_, Error>((write(1).await?, write(2).await?, self.objects.get(&self.once_key()).await?)) };
        match outcome.await {
            Ok((true, false, kept)) if kept == content(1) => {
                Finding::ok(CHECK, "the second writer of one object is refused")
            }
            Ok((true, _, _)) => {
                Finding::warning(CHECK, "a second writer replaces the object of the first", MEANS, advice)
            }
            Ok((false, _, _)) => Finding::warning(CHECK, "the first writer is refused", MEANS, advice),
            Err(error) if error.kind == ErrorKind::Invalid => {
                Finding::warning(CHECK, format!("not supported: {}", error.reason), MEANS, advice)
            }
            Err(error) => trouble(CHECK, self.store, &error),
        }
    }

    async fn list(&self, expected: usize) -> Finding {
        const CHECK: &str = "bucket.list";
        let began = Instant::now();
        match self.objects.list(&self.folder, None, PROBES * 2).await {
            Ok(listed) if listed.iter().map(|one| one.key.clone()).eq((0..expected).map(|number| self.key(number))) => {
                let mut latency = Latency::default();
                latency.add(began.elapsed());
                latency.noted(Finding::ok(CHECK, "what was written is listed, in order"))
            }
            Ok(listed) => Finding::failure(
                CHECK,
                format!("{} objects are listed where {expected} were written", listed.len()),
                "Objects that nothing refers to are found by listing: they would stay, and be paid for, or others be missed.",
                "Use a store whose listings are complete and in the order of keys, as those of S3 are.",
            ),
            Err(error) => trouble(CHECK, self.store, &error),
        }
    }

    /// Deletes all probes; whether they are gone then.
    async fn delete(&self) -> Finding {
        const CHECK: &str = "bucket.delete";
        let mut keys: Vec<String> = (0..PROBES).map(|number| self.key(number)).collect();
        keys.push(self.once_key());
        let deleted = async {
            self.objects.delete(&keys).await?;
            self.objects.list(&self.folder, None, 1).await
        };
        match deleted.await {
            Ok(left) if left.is_empty() => Finding::ok(CHECK, "what was written is deleted again"),
            Ok(left) => Finding::failure(
                CHECK,
                format!("{} is still there after it was deleted", left[0].key),
                "What retention and compaction give up is never freed: the bucket grows for ever.",
                "Look for object lock, retention or legal holds on the bucket, and take them off.",
            ),
            Err(error) => trouble(CHECK, self.store, &error),
        }
    }
}

/// Does `probe` for one number after another.
async fn timed<F: Future<Output = Result<(), Error>>>(probe: impl Fn(usize) -> F) -> Result<Latency, Error> {
    let mut latency = Latency::default();
    for number in 0..PROBES {
        let began = Instant::now();
        probe(number).await?;
        latency.add(began.elapsed());
    }
    Ok(latency)
}

/// Bytes that tell which probe and which place they are of.
fn content(number: usize) -> Bytes {
    (0..PROBE_BYTES).map(|at| (at.wrapping_mul(31) ^ (at >> 8) ^ number).to_le_bytes()[0]).collect()
}

fn changed(key: &str) -> Error {
    let reason = "other bytes than were written".to_owned();
    Error { kind: ErrorKind::Corrupt, operation: alluvium_objects::Operation::Get, key: key.to_owned(), reason }
}

/// `finding` as it is where `is_usual`, a warning otherwise.
fn usual(finding: Finding, is_usual: bool, means: &str, advice: &str) -> Finding {
    if is_usual { finding } else { Finding::warning(finding.check, finding.found, means, advice) }
}

/// What `error` means, and what to do about it.
pub fn trouble(check: &'static str, store: &StoreLocation, error: &Error) -> Finding {
    let means = match check {
        "bucket.put" => "Nothing can be produced, and no role starts.",
        "bucket.get" | "bucket.get-range" => "Nothing can be consumed.",
        "bucket.list" => "Objects that nothing refers to are not found, and not deleted.",
        "bucket.delete" => "What retention and compaction give up is not freed: the bucket grows for ever.",
        _ => "What needs it does not work.",
    };
    Finding::failure(check, format!("{store}: {error}"), means, advice(error.kind))
}

fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Denied => {
            "Check the credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, the role of the machine), and that \
             their policy allows s3:PutObject, s3:GetObject, s3:DeleteObject and s3:ListBucket here; of a directory, its owner \
             and mode."
        }
        ErrorKind::NoSuchBucket => "Create the bucket or directory, or correct --store.",
        ErrorKind::Full => "Free space on the disk, or raise the quota.",
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::CutShort => {
            "Check --s3-endpoint and --s3-region, name resolution, routes and firewalls, and that the server runs."
        }
        ErrorKind::Invalid => {
            "Correct --store and its --s3-* options; a bucket in another region is answered by a redirect."
        }
        ErrorKind::Corrupt => "Do not use this store: it changes what it keeps.",
        ErrorKind::NotFound | ErrorKind::Range | ErrorKind::TooLarge | ErrorKind::Other => {
            "Look at the log of the store's server; what it answers is not what S3 would answer."
        }
    }
}
