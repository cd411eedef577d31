//! The same behaviour whichever metastore the server has: the embedded one, and FoundationDB where there is one.

use alluvium_fdb_server::{FdbServer, unique_prefix};

use crate::server::Server;

/// Where a server under test keeps what it knows of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metastore {
    /// In its data directory.
    Embedded,
    /// In the FoundationDB of this test run, with a prefix of its own.
    Fdb,
}

impl Metastore {
    /// Starts `alluvium dev` with `flags` on a fresh directory and a fresh metastore, and waits until it is ready.
    pub fn start(self, flags: &[&str]) -> Server {
        self.prepare(flags).started()
    }

    /// The same, to be started later.
    pub fn prepare(self, flags: &[&str]) -> Server {
        match self {
            Self::Embedded => Server::prepare(flags),
            Self::Fdb => on_fdb(FdbServer::shared(), flags),
        }
    }
}

/// A server whose metastore is in `fdb`, under a prefix of its own.
pub fn on_fdb(fdb: &FdbServer, flags: &[&str]) -> Server {
    let location = format!("fdb://{}", fdb.cluster_file().display());
    let prefix = unique_prefix();
    // The same number after a kill, so that nobody waits for the registration of the killed one to expire.
    let metastore = ["--metastore", &location, "--metastore-prefix", &prefix, "--node-id", "0"];
    Server::prepare(&[metastore.as_slice(), flags].concat())
}

/// A test of each behaviour, `async fn(Metastore)`, with each metastore.
macro_rules! on_each_metastore {
    ($($behaviour:ident,)*) => {
        mod embedded {
            use crate::metastores::Metastore;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $behaviour() {
                    super::$behaviour(Metastore::Embedded).await;
                }
            )*
        }

        mod fdb {
            use crate::metastores::Metastore;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                #[ignore = "needs FoundationDB: FDB_HOME"]
                async fn $behaviour() {
                    super::$behaviour(Metastore::Fdb).await;
                }
            )*
        }
    };
}
pub(crate) use on_each_metastore;
