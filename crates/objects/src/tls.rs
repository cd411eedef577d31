//! TLS for the object store and for the AWS credential chain: rustls with ring for both.

use aws_config::ConfigLoader;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use rustls::crypto::ring;

/// Makes ring the process's TLS provider, unless one is installed already. reqwest panics without one.
pub(crate) fn install_provider() {
    // An error means that a provider is installed.
    let _ = ring::default_provider().install_default();
}

/// Has the credential chain request tokens over TLS with ring.
pub(crate) fn with_ring(loader: ConfigLoader) -> ConfigLoader {
    loader.http_client(Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https())
}
