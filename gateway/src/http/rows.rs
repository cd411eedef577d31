//! `GET /internal/v1/metastore/rows`: how many rows of each kind the metastore stores. For tests and support; it may
//! change.

use std::collections::BTreeMap;

use alluvium_metastore::maintenance::{Amount, RowCount};
use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::error::HttpError;
use super::service::ServiceState;

/// The answer. Kinds are named by their tag in hexadecimal, as in `docs/formats.md`.
#[derive(Debug, Serialize)]
pub struct CountedRows {
    /// Rows and their bytes, by kind.
    rows: BTreeMap<String, Count>,
    /// Extents that point into segments, and the bytes of records that they point to.
    level_0: Count,
    /// Extents that point to history files, likewise.
    history: Count,
    /// Whether all rows were counted: a very large store is counted in part.
    is_complete: bool,
}

#[derive(Debug, Serialize)]
struct Count {
    count: u64,
    bytes: u64,
}

impl From<Amount> for Count {
    fn from(amount: Amount) -> Self {
        Self { count: amount.count, bytes: amount.bytes }
    }
}

/// Reads every row: it costs what the metastore stores, and one request does so at a time.
pub async fn rows(State(service): ServiceState) -> Result<Json<CountedRows>, HttpError> {
    let _permit = service.row_counts.acquire().await;
    let counted = RowCount::read(&service.agent.metastore.db).await?;
    Ok(Json(CountedRows {
        rows: counted.rows.into_iter().map(|(tag, amount)| (format!("{tag:#04x}"), amount.into())).collect(),
        level_0: counted.level_0.into(),
        history: counted.history.into(),
        is_complete: counted.is_complete,
    }))
}
