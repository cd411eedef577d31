//! TLS: rustls with ring, for the object store and for the AWS credential chain.

use rustls::crypto::ring;

/// Makes ring the process's TLS provider, unless one is installed already. reqwest panics without one.
pub(crate) fn install_provider() {
    // An error means that a provider is installed.
    let _ = ring::default_provider().install_default();
}
