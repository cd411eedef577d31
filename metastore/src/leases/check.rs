//! The check that every transaction protected by a lease begins with.

use alluvium_model::lease::Lease;
use thiserror::Error as ThisError;

use super::{
    key::lease_key,
    row::{LeaseRow, decode},
};
use crate::{
    keyspace::{Error, from_store},
    kv::Tx,
};

/// Why a protected transaction must not continue.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum CheckError {
    /// The lease was released, or another node has acquired it.
    #[error("the lease was taken by another node, or released")]
    Fenced,
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

from_store!(CheckError);

/// Turns a [`CheckError`] into the error of an operation, which has a variant `Fenced` of its own.
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

/// Checks that `lease` is held. The read adds a conflict range, so that the transaction is ordered with any that takes
/// the lease.
///
/// The registration of the owner is not read. It may have been removed, but as long as the row read here is unchanged
/// no other node has taken the lease.
pub(crate) async fn check(tx: &Tx, lease: &Lease) -> Result<(), CheckError> {
    let row = tx.get(&lease_key(&lease.key)).await?;
    let stored = row.map(|row| decode(&row)).transpose()?;
    if stored == Some(LeaseRow { owner: lease.owner, token: lease.token }) { Ok(()) } else { Err(CheckError::Fenced) }
}
