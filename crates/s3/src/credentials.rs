//! Credentials of the AWS chain (environment, profile, process, web identity, container, instance), cached for
//! object_store, which requests them before every request.

use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

/// Targets of the log lines in which the AWS chain warns of a provider that failed.
pub const CHAIN_LOG_TARGETS: [&str; 2] = ["aws_config::meta::credentials", "aws_config::profile::credentials"];
/// Credentials are refreshed this long before they expire.
const EXPIRY_MARGIN: Duration = Duration::from_secs(300);
/// Lifetime of credentials without an expiry: they may change too, for example if a profile is edited.
const UNDATED_LIFETIME: Duration = Duration::from_secs(3600);

/// The chain and its latest credentials.
#[derive(Debug)]
pub(crate) struct AwsChain {
    chain: Option<SharedCredentialsProvider>,
    cached: RwLock<Option<Cached>>,
    /// Held by the caller that queries the chain.
    querying: Mutex<()>,
}

#[derive(Clone, Debug)]
struct Cached {
    credential: Arc<AwsCredential>,
    /// From then on they are refreshed.
    stale: SystemTime,
    /// From then on they are invalid.
    expiry: SystemTime,
}

impl AwsChain {
    pub(crate) fn new(chain: Option<SharedCredentialsProvider>) -> Self {
        Self { chain, cached: RwLock::new(None), querying: Mutex::new(()) }
    }

    /// The cached credentials while they are fresh, otherwise new ones. If there are no new ones, or another caller is
    /// asking for them, the cached credentials as long as they are valid. One caller at a time queries the chain.
    async fn credential_at(&self, now: SystemTime) -> Result<Arc<AwsCredential>, object_store::Error> {
        if let Some(fresh) = self.cached_until(|cached| cached.stale, now) {
            return Ok(fresh);
        }
        let _querying = match self.querying.try_lock() {
            Ok(querying) => querying,
            Err(_) => match self.cached_until(|cached| cached.expiry, now) {
                Some(valid) => return Ok(valid),
                None => self.querying.lock().await,
            },
        };
        if let Some(fresh) = self.cached_until(|cached| cached.stale, now) {
            return Ok(fresh);
        }
        let reason = match self.query_chain(now).await {
            Ok(new) => {
                let credential = Arc::clone(&new.credential);
                *self.cached.write().unwrap_or_else(PoisonError::into_inner) = Some(new);
                return Ok(credential);
            }
            Err(reason) => reason,
        };
        match self.cached_until(|cached| cached.expiry, now) {
            Some(valid) => {
                tracing::warn!(%reason, "no new AWS credentials; using the cached ones until they expire");
                Ok(valid)
            }
            None => {
                // Peers may see an error of the store; a reason can hold what a program wrote that was asked for credentials.
                tracing::warn!(%reason, "no AWS credentials");
                Err(unauthenticated())
            }
        }
    }

    /// The cached credentials, if `now` is before the given time of theirs.
    fn cached_until(&self, time: fn(&Cached) -> SystemTime, now: SystemTime) -> Option<Arc<AwsCredential>> {
        let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner);
        cached.as_ref().filter(|cached| now < time(cached)).map(|cached| Arc::clone(&cached.credential))
    }

    /// New credentials, or why there are none.
    async fn query_chain(&self, now: SystemTime) -> Result<Cached, String> {
        let chain = self.chain.as_ref().ok_or_else(|| "none are configured".to_owned())?;
        let credentials = chain.provide_credentials().await.map_err(|error| with_causes(&error))?;
        Ok(Cached::new(&credentials, now))
    }
}

fn unauthenticated() -> object_store::Error {
    let source = "no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this machine a role";
    object_store::Error::Unauthenticated { path: "credentials".to_owned(), source: source.into() }
}

/// The texts of `error` and of its causes, on one line; the chain's own text says nothing.
fn with_causes(error: &dyn Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    let words: Vec<&str> = texts.iter().flat_map(|text| text.lines()).map(str::trim).collect();
    words.join(": ")
}

impl Cached {
    fn new(credentials: &Credentials, now: SystemTime) -> Self {
        let expiry = credentials.expiry().unwrap_or(now + UNDATED_LIFETIME + EXPIRY_MARGIN);
        let credential = Arc::new(AwsCredential {
            key_id: credentials.access_key_id().to_owned(),
            secret_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
        });
        Self { credential, stale: expiry.checked_sub(EXPIRY_MARGIN).unwrap_or(now), expiry }
    }
}

#[async_trait]
impl CredentialProvider for AwsChain {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> Result<Arc<AwsCredential>, object_store::Error> {
        #[expect(
            clippy::disallowed_methods,
            reason = "expiry is a fact of the outside world; tests call credential_at"
        )]
        let now = SystemTime::now();
        self.credential_at(now).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::future;

    use super::*;

    /// Provides credentials numbered from 0, each valid for an hour; fails while `broken`.
    #[derive(Clone, Debug, Default)]
    struct Numbered {
        given: Arc<AtomicU64>,
        broken: Arc<AtomicBool>,
    }

    fn start() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000)
    }

    impl ProvideCredentials for Numbered {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            if self.broken.load(Relaxed) {
                return future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("broken,\n  in two lines")));
            }
            let number = self.given.fetch_add(1, Relaxed);
            let expiry = start() + Duration::from_secs(3600 * (number + 1));
            let id = number.to_string();
            future::ProvideCredentials::ready(Ok(Credentials::new(id, "secret", None, Some(expiry), "test")))
        }
    }

    fn chain() -> (AwsChain, Numbered) {
        let numbered = Numbered::default();
        (AwsChain::new(Some(SharedCredentialsProvider::new(numbered.clone()))), numbered)
    }

    async fn id(chain: &AwsChain, minutes: u64) -> String {
        let now = start() + Duration::from_secs(minutes * 60);
        chain.credential_at(now).await.map_or_else(|error| error.to_string(), |found| found.key_id.clone())
    }

    #[tokio::test]
    async fn credentials_are_kept_until_five_minutes_before_they_expire() {
        let (chain, _) = chain();
        for (minutes, expected) in [(0, "0"), (54, "0"), (55, "1"), (60, "1"), (114, "1"), (116, "2")] {
            assert_eq!(id(&chain, minutes).await, expected, "after {minutes} minutes");
        }
    }

    #[tokio::test]
    async fn valid_credentials_are_kept_while_the_chain_fails() {
        let (chain, numbered) = chain();
        assert_eq!(id(&chain, 0).await, "0");
        numbered.broken.store(true, Relaxed);
        assert_eq!(id(&chain, 57).await, "0");
        let reason = id(&chain, 60).await;
        assert!(reason.contains("set AWS_ACCESS_KEY_ID"), "{reason}");
        numbered.broken.store(false, Relaxed);
        assert_eq!(id(&chain, 61).await, "1");
    }

    #[tokio::test]
    async fn nobody_waits_for_the_chain_while_the_cached_credentials_are_valid() {
        let (chain, _) = chain();
        assert_eq!(id(&chain, 0).await, "0");
        let querying = chain.querying.lock().await;
        assert_eq!(id(&chain, 57).await, "0");
        let expired = tokio::time::timeout(Duration::from_millis(10), id(&chain, 60));
        assert!(expired.await.is_err(), "only without valid ones does it wait");
        drop(querying);
        assert_eq!(id(&chain, 60).await, "1");
    }

    #[tokio::test]
    async fn why_there_are_no_credentials_is_one_line() {
        let (chain, numbered) = chain();
        numbered.broken.store(true, Relaxed);
        let reason = chain.query_chain(start()).await.map(|_| ()).unwrap_err();
        assert!(reason.ends_with(": broken,: in two lines"), "{reason}");
    }

    #[tokio::test]
    async fn without_a_chain_access_is_denied() {
        let error = AwsChain::new(None).credential_at(start()).await.unwrap_err();
        assert!(matches!(error, object_store::Error::Unauthenticated { .. }));
    }
}
