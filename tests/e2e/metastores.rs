//! The metastores on which a behaviour is tested: the embedded one, and FoundationDB if it is installed.

use alluvium_fdb_server::{FdbServer, unique_prefix};

use crate::server::Server;

/// The metastore of a server under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metastore {
    /// The embedded one, in the data directory.
    Embedded,
    /// The FoundationDB of this test run, with a prefix of its own.
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
    // With a fixed node id, a start after a kill need not wait until the registration of the killed process expires.
    let metastore = ["--metastore", &location, "--metastore-prefix", &prefix, "--node-id", "0"];
    Server::prepare(&[metastore.as_slice(), flags].concat())
}

/// Makes a test of each behaviour, `async fn(Metastore)`, on each metastore.
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
