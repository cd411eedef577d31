//! The object store: whether objects can be written, read whole and in part, created only once, listed and deleted, and
//! how long that takes.
//!
//! All probes are in a folder of their own below `probe/`, and are deleted again.

use std::{future::Future, time::Duration};

use alluvium_objects::{Error, ErrorKind, Objects, ObjectsConfig};
use alluvium_runtime::Rng;
use anyhow::Result;
use bytes::Bytes;
use tokio::time::Instant;

use super::{finding::Finding, findings::Findings, latency::Latency};
use crate::{
    config::{Settings, StoreLocation},
    stores::open_unchecked,
};

/// Probes of each kind: enough for a median, few enough to be done within seconds.
const PROBES: usize = 20;
/// Bytes of one probe: about a segment of a quiet system.
const PROBE_BYTES: usize = 64 << 10;
/// The byte range that is read of a probe, from its middle as a consumer's reads are.
const RANGE: std::ops::Range<u64> = 1_000..5_000;
/// The usual median of a PUT. Acknowledgements wait for it: if it is longer, producers notice.
const PUT_P50_USUAL: Duration = Duration::from_millis(250);
/// The usual median of a GET, for which a cold read waits.
const GET_P50_USUAL: Duration = Duration::from_millis(150);

/// The store to check, and the folder of the probes.
struct Probe<'a> {
    objects: Objects,
    store: &'a StoreLocation,
    folder: String,
}

/// Checks the object store.
///
/// # Errors
/// If a finding cannot be printed.
pub async fn check(settings: &Settings, rng: &dyn Rng, findings: &mut Findings) -> Result<()> {
    let config =
        ObjectsConfig { seed: rng.next_u64(), retry: settings.store_retry.clone(), ..ObjectsConfig::default() };
    let store = &settings.store;
    let objects = match open_unchecked(store, config).await {
        Ok(objects) => objects,
        Err(error) => return findings.add(store_failure("bucket.put", store, &error)),
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
                latency.add_to(warn_unless(
                    Finding::ok("bucket.put", found),
                    latency.percentile(50) <= PUT_P50_USUAL,
                    "Every acknowledgement waits for a PUT: producers wait at least as long.",
                    "Run in the region of the bucket; look for a slow network, a busy server or a throttled account.",
                ))
            }
            Err(error) => store_failure("bucket.put", self.store, &error),
        }
    }

    async fn get(&self) -> Finding {
        let read = |number| async move {
            let read = self.objects.get(&self.key(number)).await?;
            if read == content(number) { Ok(()) } else { Err(changed(&self.key(number))) }
        };
        match timed(read).await {
            Ok(latency) => latency.add_to(warn_unless(
                Finding::ok("bucket.get", format!("{PROBES} objects read as they were written, {}", latency.text())),
                latency.percentile(50) <= GET_P50_USUAL,
                "Reads of old records wait for a GET each time the cache does not have them.",
                "Run in the region of the bucket; look for a slow network, a busy server or a throttled account.",
            )),
            Err(error) => store_failure("bucket.get", self.store, &error),
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
                let found = format!("{PROBES} byte ranges of objects read exactly as requested, {}", latency.text());
                latency.add_to(Finding::ok("bucket.get-range", found))
            }
            Err(error) => store_failure("bucket.get-range", self.store, &error),
        }
    }

    /// Whether the store rejects the second creation of one key (`If-None-Match`).
    async fn conditional_put(&self) -> Finding {
        const CHECK: &str = "bucket.conditional-put";
        const MEANS: &str = "Records are safe all the same, because the metastore decides which object counts. But \
                             nothing protects an object of this store from being replaced by mistake.";
        let advice = "Use a store that honours If-None-Match, if others write to this one.";
        let write = |number| async move { self.objects.create(&self.once_key(), vec![content(number)]).await };
        let outcome =
            async { Ok::<_, Error>((write(1).await?, write(2).await?, self.objects.get(&self.once_key()).await?)) };
        match outcome.await {
            Ok((true, false, kept)) if kept == content(1) => {
                Finding::ok(CHECK, "the second creation of one object is rejected")
            }
            Ok((true, _, _)) => Finding::warning(CHECK, "a second creation replaces the first object", MEANS, advice),
            Ok((false, _, _)) => Finding::warning(CHECK, "the first creation is rejected", MEANS, advice),
            Err(error) if error.kind == ErrorKind::Invalid => {
                Finding::warning(CHECK, format!("not supported: {}", error.reason), MEANS, advice)
            }
            Err(error) => store_failure(CHECK, self.store, &error),
        }
    }

    async fn list(&self, expected: usize) -> Finding {
        const CHECK: &str = "bucket.list";
        let began = Instant::now();
        match self.objects.list(&self.folder, None, PROBES * 2).await {
            Ok(listed)
                if listed.iter().map(|object| object.key.clone()).eq((0..expected).map(|number| self.key(number))) =>
            {
                let mut latency = Latency::default();
                latency.add(began.elapsed());
                latency.add_to(Finding::ok(CHECK, "all objects that were written are listed, in order"))
            }
            Ok(listed) => Finding::failure(
                CHECK,
                format!("{} objects are listed, but {expected} were written", listed.len()),
                "Unreferenced objects are found by listing: some would never be deleted, and cost money for ever.",
                "Use a store whose listings are complete and in the order of keys, as those of S3 are.",
            ),
            Err(error) => store_failure(CHECK, self.store, &error),
        }
    }

    /// Deletes all probes, and checks that they are gone.
    async fn delete(&self) -> Finding {
        const CHECK: &str = "bucket.delete";
        let mut keys: Vec<String> = (0..PROBES).map(|number| self.key(number)).collect();
        keys.push(self.once_key());
        let deleted = async {
            self.objects.delete(&keys).await?;
            self.objects.list(&self.folder, None, 1).await
        };
        match deleted.await {
            Ok(left) if left.is_empty() => Finding::ok(CHECK, "all objects that were written are deleted again"),
            Ok(left) => Finding::failure(
                CHECK,
                format!("{} is still there after it was deleted", left[0].key),
                "Objects that retention and compaction delete are never freed: the bucket grows for ever.",
                "Look for object lock, retention or legal holds on the bucket, and remove them.",
            ),
            Err(error) => store_failure(CHECK, self.store, &error),
        }
    }
}

/// Runs `probe` for each number, one after another, and measures it.
async fn timed<F: Future<Output = Result<(), Error>>>(probe: impl Fn(usize) -> F) -> Result<Latency, Error> {
    let mut latency = Latency::default();
    for number in 0..PROBES {
        let began = Instant::now();
        probe(number).await?;
        latency.add(began.elapsed());
    }
    Ok(latency)
}

/// The bytes of probe `number`: each depends on the probe and its position.
fn content(number: usize) -> Bytes {
    (0..PROBE_BYTES).map(|at| (at.wrapping_mul(31) ^ (at >> 8) ^ number).to_le_bytes()[0]).collect()
}

fn changed(key: &str) -> Error {
    let reason = "the bytes are not those that were written".to_owned();
    Error { kind: ErrorKind::Corrupt, operation: alluvium_objects::Operation::Get, key: key.to_owned(), reason }
}

/// `finding` if `is_usual`, otherwise a warning.
fn warn_unless(finding: Finding, is_usual: bool, means: &str, advice: &str) -> Finding {
    if is_usual { finding } else { Finding::warning(finding.check, finding.found, means, advice) }
}

/// The finding that `check` failed with `error`: what that means, and what to do about it.
pub fn store_failure(check: &'static str, store: &StoreLocation, error: &Error) -> Finding {
    let means = match check {
        "bucket.put" => "Nothing can be produced, and no role starts.",
        "bucket.get" | "bucket.get-range" => "Nothing can be consumed.",
        "bucket.list" => "Unreferenced objects are not found, and never deleted.",
        "bucket.delete" => "Objects that retention and compaction delete are not freed: the bucket grows for ever.",
        _ => "The operations that need it do not work.",
    };
    Finding::failure(check, format!("{store}: {error}"), means, advice(error.kind))
}

fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Denied => {
            "Check the credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the machine's role), \
             and that their policy allows s3:PutObject, s3:GetObject, s3:DeleteObject and s3:ListBucket here; for a \
             directory, check its owner and mode."
        }
        ErrorKind::NoSuchBucket => "Create the bucket or directory, or correct --store.",
        ErrorKind::Full => "Free space on the disk, or raise the quota.",
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::CutShort => {
            "Check --s3-endpoint and --s3-region, name resolution, routes and firewalls, and that the server runs."
        }
        ErrorKind::Invalid => {
            "Correct --store and its --s3-* options; S3 redirects requests for a bucket in another region."
        }
        ErrorKind::Corrupt => "Do not use this store: it corrupts objects.",
        ErrorKind::NotFound | ErrorKind::Range | ErrorKind::TooLarge | ErrorKind::Suspended | ErrorKind::Other => {
            "Look at the log of the store's server; S3 itself would not answer like this."
        }
    }
}
