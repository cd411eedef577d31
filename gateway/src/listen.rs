//! Taking an address to listen on.
//!
//! Owns: the bound socket, and the error that a person reads who starts an agent where another process listens. Does not own: what is served.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Why the address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Someone else listens there.
    #[error("{address} is taken: another process listens there; stop it, or choose another port")]
    Taken {
        /// The address.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// A bound socket that is not served yet: `kafka` and `http` each say how they serve one.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds `address`; port 0 lets the system choose.
    ///
    /// # Errors
    /// Where the address is taken, is not ours, or needs rights that we lack.
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken { address },
            _ => BindError::Refused { address, source },
        };
        let socket = TcpListener::bind(address).await.map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        Ok(Self { socket, address })
    }

    /// Where clients can connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
