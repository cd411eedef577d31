//! The fence.

use thiserror::Error as ThisError;

use super::{
    Lease,
    codec::{Held, decode},
    key::lease_key,
};
use crate::{
    keyspace::{Error, from_store},
    kv::Tx,
};

/// Why a protected transaction must not go on.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum CheckError {
    /// The lease is not held by this lease any more.
    #[error("the lease was taken by another node, or released")]
    Fenced,
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

from_store!(CheckError);

/// A fenced transaction fails with its own variant `Fenced`.
macro_rules! from_check {
    ($($error:ty),*) => {$(
        impl From<crate::leases::CheckError> for $error {
            fn from(error: crate::leases::CheckError) -> Self {
                match error {
                    crate::leases::CheckError::Fenced => Self::Fenced,
                    crate::leases::CheckError::Metastore(error) => error.into(),
                }
            }
        }
    )*};
}

pub(crate) use from_check;

/// Whether `lease` is held; a conflict read, so that the transaction is ordered with whoever takes the lease.
///
/// The owner's registration is not read: it may be gone already, but then nobody has taken the lease yet, for who takes it
/// writes the row that is read here.
pub(crate) async fn check(tx: &Tx, lease: &Lease) -> Result<(), CheckError> {
    let row = tx.get(&lease_key(&lease.key)).await?;
    let held = row.map(|row| decode(&row)).transpose()?;
    if held == Some(Held { owner: lease.owner, token: lease.token }) { Ok(()) } else { Err(CheckError::Fenced) }
}
