//! Where objects and the metastore live, and how long a request to the object store may take.

use std::{fmt, path::PathBuf, time::Duration};

use alluvium_objects::RetryPolicy;
use alluvium_s3::S3Location;

use super::{
    invalid_setting::{InvalidSetting, invalid},
    options::Resolved,
    store_location::StoreLocation,
};

/// Where the metastore lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetastoreLocation {
    /// The embedded store: one directory, one process.
    Redb(PathBuf),
    /// FoundationDB: any number of processes.
    Fdb {
        /// The cluster file; if `None`, FoundationDB's default one.
        cluster_file: Option<PathBuf>,
        /// What all our keys begin with.
        prefix: String,
        /// Path of FoundationDB's client library; if `None`, the system's.
        library: Option<PathBuf>,
    },
}

impl MetastoreLocation {
    /// Whether only one process at a time can have it open.
    pub fn is_embedded(&self) -> bool {
        match self {
            Self::Redb(_) => true,
            Self::Fdb { .. } => false,
        }
    }
}

impl fmt::Display for MetastoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redb(directory) => directory.display().fmt(f),
            Self::Fdb { cluster_file: Some(file), prefix, library: _ } => {
                write!(f, "FoundationDB {} (prefix {prefix})", file.display())
            }
            Self::Fdb { cluster_file: None, prefix, library: _ } => write!(f, "FoundationDB (prefix {prefix})"),
        }
    }
}

/// The object store's location, with the options of its bucket.
pub(super) fn store_location(options: &Resolved) -> Result<StoreLocation, InvalidSetting> {
    let Some(text) = options.store.as_deref() else {
        return Ok(StoreLocation::Local { directory: options.data_dir.join("objects") });
    };
    let location = StoreLocation::parse(text).map_err(|error| invalid("store", text, error))?;
    let StoreLocation::S3(bucket) = location else { return Ok(location) };
    Ok(StoreLocation::S3(S3Location {
        path_style: options.s3_path_style.unwrap_or(options.s3_endpoint.is_some()),
        allow_http: options.s3_endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://")),
        endpoint: options.s3_endpoint.clone(),
        region: options.s3_region.clone(),
        ..bucket
    }))
}

/// The part of the time for all tries that one try may take (8 s of the default 20 s), so that a server that hangs is
/// tried again.
const TRY_SHARE: f64 = 0.4;
/// Shortest time limit for all tries.
const STORE_TIMEOUT_MIN: Duration = Duration::from_millis(100);

/// How requests to the object store are retried if a client waits for them.
pub(super) fn store_retry(options: &Resolved) -> Result<RetryPolicy, InvalidSetting> {
    let deadline = options.store_timeout.0;
    if deadline < STORE_TIMEOUT_MIN {
        return Err(invalid("store-timeout", options.store_timeout, "must be at least 100ms"));
    }
    Ok(RetryPolicy { deadline, try_timeout: deadline.mul_f64(TRY_SHARE), ..RetryPolicy::default() })
}

/// Longest prefix in bytes: it is part of every key.
const METASTORE_PREFIX_BYTES_MAX: usize = 64;

/// The metastore's location; a directory within `--data-dir` by default.
pub(super) fn metastore_location(options: &Resolved) -> Result<MetastoreLocation, InvalidSetting> {
    let Some(text) = options.metastore.as_deref() else {
        return Ok(MetastoreLocation::Redb(options.data_dir.join("metastore")));
    };
    match text.split_once(':').map(|(scheme, rest)| (scheme, rest.strip_prefix("//").unwrap_or(rest))) {
        Some(("redb", directory)) if !directory.is_empty() => Ok(MetastoreLocation::Redb(directory.into())),
        Some(("fdb", file)) => Ok(MetastoreLocation::Fdb {
            cluster_file: (!file.is_empty()).then(|| file.into()),
            prefix: metastore_prefix(&options.metastore_prefix)?,
            library: options.fdb_library.clone(),
        }),
        _ => Err(invalid("metastore", text, "expected redb:DIR, or fdb:///path/to/fdb.cluster")),
    }
}

fn metastore_prefix(prefix: &str) -> Result<String, InvalidSetting> {
    if !(1..=METASTORE_PREFIX_BYTES_MAX).contains(&prefix.len()) {
        return Err(invalid("metastore-prefix", prefix, "must have between 1 and 64 bytes"));
    }
    if !prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid("metastore-prefix", prefix, "must be of printable ASCII characters, without spaces"));
    }
    Ok(prefix.into())
}
