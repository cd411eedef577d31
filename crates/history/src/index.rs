//! Finds the rows for an offset or a timestamp, by row-group statistics and the page index, without I/O.

use std::ops::Range;
use std::sync::Arc;

use alluvium_model::{Offset, PartitionIndex, Timestamp};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use crate::FileIdentity;
use crate::schema::{self, column};

/// Rows of one row group, whose number counts from the first of its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) group: usize,
    pub(crate) rows: Range<usize>,
}

/// Position of the first record at or after some offset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RowPosition {
    /// This row.
    Exact { group: usize, row: usize },
    /// One of these rows: their offsets have gaps.
    Within(Rows),
}

/// Rows of one page of the timestamp column.
#[derive(Debug)]
pub(crate) struct TimestampPage {
    pub(crate) rows: Rows,
    /// No timestamp in `rows` is later.
    pub(crate) latest: Timestamp,
    /// `rows` are the whole page, so one of them is as late as `latest`.
    pub(crate) is_whole: bool,
}

/// The positions of the rows of one partition by offset and timestamp, from the footer.
pub(crate) struct Index {
    parquet: Arc<ParquetMetaData>,
    /// Number of the first row group of the partition; numbers here count from it.
    first: usize,
    groups: Vec<RowGroup>,
}

/// One row group; it has at least one row.
struct RowGroup {
    offsets: RowSpan,
    latest: Timestamp,
    bytes: usize,
}

/// Consecutive rows, and the values of the first and the last of them.
struct RowSpan {
    rows: Range<usize>,
    first: i64,
    last: i64,
}

impl RowSpan {
    /// Whether no offset is missing: offsets rise, so then there are as many rows as offsets.
    fn is_dense(&self) -> bool {
        usize::try_from(self.last.abs_diff(self.first)).is_ok_and(|steps| steps + 1 == self.rows.len())
    }

    /// The row of the first offset at or after `from`, which is not past the last; `None` if only a search can tell.
    fn row(&self, from: i64) -> Option<usize> {
        if from <= self.first {
            return Some(self.rows.start);
        }
        let steps = usize::try_from(from.abs_diff(self.first)).ok()?;
        self.is_dense().then_some(self.rows.start + steps)
    }
}

impl Index {
    /// The indices of the partitions of a file, in their order; `None` if its statistics are missing or contradict each
    /// other or `identities`.
    pub(crate) fn of_all(parquet: &Arc<ParquetMetaData>, identities: &[FileIdentity]) -> Option<Vec<Self>> {
        let groups = parquet.row_groups();
        if let [only] = identities
            && groups.iter().all(|group| group.num_columns() <= schema::PARTITION_LEAF)
        {
            return Some(vec![Self::new(parquet, 0..groups.len(), &only.offsets)?]);
        }
        let partitions: Vec<PartitionIndex> = groups.iter().map(partition_of).collect::<Option<_>>()?;
        let mut next = 0;
        let mut indices = Vec::with_capacity(identities.len());
        for FileIdentity { partition, offsets, .. } in identities {
            let end = next + partitions[next..].iter().take_while(|of| **of == partition.partition).count();
            indices.push(Self::new(parquet, next..end, offsets)?);
            next = end;
        }
        (next == groups.len()).then_some(indices)
    }

    /// The index of the row groups of a partition, which cover `offsets`.
    fn new(parquet: &Arc<ParquetMetaData>, groups: Range<usize>, offsets: &Range<Offset>) -> Option<Self> {
        let first = groups.start;
        let groups: Vec<RowGroup> =
            parquet.row_groups().get(groups)?.iter().map(RowGroup::new).collect::<Option<_>>()?;
        let mut next = offsets.start.0;
        for RowGroup { offsets: span, .. } in &groups {
            let steps = usize::try_from(span.last.checked_sub(span.first)?).ok()?;
            if span.first < next || span.rows.is_empty() || steps < span.rows.len() - 1 {
                return None;
            }
            next = span.last.checked_add(1)?;
        }
        (next <= offsets.end.0).then(|| Self { parquet: Arc::clone(parquet), first, groups })
    }

    /// Memory of the index without what it shares with those of other partitions, in bytes, about.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + self.groups.len() * size_of::<RowGroup>()
    }

    /// The number in the file of the partition's row group `group`.
    pub(crate) fn group_in_file(&self, group: usize) -> usize {
        self.first + group
    }

    /// Position of the first record at or after `from`. The outer `None` means that there is none, the inner one that
    /// the page index is wrong.
    pub(crate) fn locate(&self, from: Offset) -> Option<Option<RowPosition>> {
        let group = self.groups.partition_point(|group| group.offsets.last < from.0);
        let span = &self.groups.get(group)?.offsets;
        if let Some(row) = span.row(from.0) {
            return Some(Some(RowPosition::Exact { group, row }));
        }
        let within = || {
            let page = self.pages(group, column::OFFSET)?.into_iter().find(|page| page.last >= from.0)?;
            Some(match page.row(from.0) {
                Some(row) => RowPosition::Exact { group, row },
                None => RowPosition::Within(Rows { group, rows: page.rows }),
            })
        };
        Some(within())
    }

    /// The chunk of offsets around `at` whose records take about `bytes`, the same for every `at` in it: each row
    /// group, with the gap before it, is divided into equal chunks. The offsets after the last row group are one chunk.
    pub(crate) fn chunk(&self, at: Offset, bytes: usize, file: &Range<Offset>) -> Range<Offset> {
        if at < file.start || at >= file.end {
            return at..at;
        }
        let number = self.groups.partition_point(|group| group.offsets.last < at.0);
        let before = number.checked_sub(1).and_then(|number| self.groups.get(number));
        let start = before.map_or(file.start, |group| Offset(group.offsets.last).plus(1));
        let Some(group) = self.groups.get(number) else { return start..file.end };
        let end = Offset(group.offsets.last).plus(1);
        let chunks = u64::try_from(group.bytes.div_ceil(bytes.max(1))).unwrap_or(u64::MAX).max(1);
        let length = end.since(start).div_ceil(chunks).max(1);
        let from = start.plus(at.since(start) / length * length);
        from..from.plus(length).min(end)
    }

    /// The rows from `row` of `group` on that take about `bytes`; at least one.
    pub(crate) fn rows_from(&self, group: usize, row: usize, bytes: usize) -> Rows {
        let Some(RowGroup { offsets, bytes: group_bytes, .. }) = self.groups.get(group) else {
            return Rows { group, rows: row..row };
        };
        let group_rows = offsets.rows.len();
        let bytes_per_row = (group_bytes / group_rows).max(1);
        let end = row.saturating_add((bytes / bytes_per_row).max(1));
        Rows { group, rows: row..end.min(group_rows) }
    }

    /// The row groups from `group` on that have a timestamp of `timestamp` or later.
    pub(crate) fn groups_with(&self, group: usize, timestamp: Timestamp) -> impl Iterator<Item = usize> + '_ {
        (group..)
            .zip(self.groups.iter().skip(group))
            .filter(move |(_, group)| group.latest >= timestamp)
            .map(|(at, _)| at)
    }

    /// The pages of the timestamp column of `group` from `row` on; `None` if the page index is wrong.
    pub(crate) fn timestamp_pages(&self, group: usize, row: usize) -> Option<Vec<TimestampPage>> {
        let pages = self.pages(group, column::TIMESTAMP)?.into_iter().filter(|page| page.rows.end > row);
        let page = |page: RowSpan| TimestampPage {
            is_whole: page.rows.start >= row,
            rows: Rows { group, rows: page.rows.start.max(row)..page.rows.end },
            latest: Timestamp(page.last),
        };
        Some(pages.map(page).collect())
    }

    /// The pages of an integer column; `first` and `last` are its minimum and maximum there.
    fn pages(&self, group: usize, column: usize) -> Option<Vec<RowSpan>> {
        let group_rows = self.groups.get(group)?.offsets.rows.len();
        let index = self.parquet.page_index_for_row_group(self.group_in_file(group));
        let ColumnIndexMetaData::INT64(values) = index.column_index(column)? else { return None };
        let starts = index.page_locations(column)?.iter().map(|page| usize::try_from(page.first_row_index).ok());
        let starts: Vec<usize> = starts.collect::<Option<_>>()?;
        let ends = starts.iter().copied().skip(1).chain([group_rows]);
        let bounds = values.min_values_iter().zip(values.max_values_iter());
        let pages: Vec<RowSpan> = starts
            .iter()
            .zip(ends)
            .zip(bounds)
            .map(|((start, end), (min, max))| Some(RowSpan { rows: *start..end, first: *min?, last: *max? }))
            .collect::<Option<_>>()?;
        let in_order = pages.iter().all(|page| !page.rows.is_empty()) && starts.first() == Some(&0);
        (in_order && pages.len() == starts.len()).then_some(pages)
    }
}

impl RowGroup {
    fn new(group: &RowGroupMetaData) -> Option<Self> {
        let (first, last) = bounds(group, column::OFFSET)?;
        let (_, latest) = bounds(group, column::TIMESTAMP)?;
        Some(Self {
            offsets: RowSpan { rows: 0..usize::try_from(group.num_rows()).ok()?, first, last },
            latest: Timestamp(latest),
            bytes: usize::try_from(group.total_byte_size()).ok()?,
        })
    }
}

/// The partition of a row group.
fn partition_of(group: &RowGroupMetaData) -> Option<PartitionIndex> {
    let Statistics::Int32(statistics) = group.columns().get(schema::PARTITION_LEAF)?.statistics()? else { return None };
    let (min, max) = (statistics.min_opt()?, statistics.max_opt()?);
    (min == max).then_some(PartitionIndex(*min))
}

/// Smallest and largest value of an integer column.
fn bounds(group: &RowGroupMetaData, column: usize) -> Option<(i64, i64)> {
    let Statistics::Int64(statistics) = group.columns().get(column)?.statistics()? else { return None };
    Some((*statistics.min_opt()?, *statistics.max_opt()?))
}
