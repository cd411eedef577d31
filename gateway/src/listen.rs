//! Binds an address to listen on.
//!
//! Owns: the bound socket, and the error for an address that another process listens on. Does not own: what is served.

use std::io;
use std::net::SocketAddr;

use futures::future::BoxFuture;
use tokio::net::TcpListener;

/// Why an address cannot be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process listens on it.
    #[error("{address} is taken: another process listens there; stop it, or choose another port")]
    Taken {
        /// The address that was to be bound.
        address: SocketAddr,
    },
    /// Binding failed for another reason.
    #[error("cannot listen on {address}: {source}")]
    Failed {
        /// The address that was to be bound.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
}

/// A bound socket that is not served yet; `kafka` and `http` each add a method that serves it.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds `address`; port 0 lets the system choose. The future is boxed so that it is compiled in this crate and not
    /// again in each crate that awaits it.
    ///
    /// # Errors
    /// If the address is taken, does not belong to this machine, or needs rights that the process does not have.
    pub fn bind(address: SocketAddr) -> BoxFuture<'static, Result<Self, BindError>> {
        Box::pin(async move {
            let failed = |source: io::Error| match source.kind() {
                io::ErrorKind::AddrInUse => BindError::Taken { address },
                _ => BindError::Failed { address, source },
            };
            let socket = TcpListener::bind(address).await.map_err(failed)?;
            let address = socket.local_addr().map_err(failed)?;
            Ok(Self { socket, address })
        })
    }

    /// The address that it is bound to, with the port that the system chose.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
