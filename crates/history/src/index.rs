//! Which rows to decode for an offset or a time: by row-group statistics and the page index, without any I/O.

use std::ops::Range;
use std::sync::Arc;

use alluvium_model::{Offset, Timestamp};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use crate::layout::column;

/// Rows of one row group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) group: usize,
    pub(crate) rows: Range<usize>,
}

/// Where the first record at or after some offset is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Located {
    /// In this row.
    At { group: usize, row: usize },
    /// In one of these rows: offsets have gaps there.
    Within(Rows),
}

/// Rows on one page of the timestamp column.
#[derive(Debug)]
pub(crate) struct TimestampPage {
    pub(crate) rows: Rows,
    /// No timestamp in `rows` is later.
    pub(crate) latest: Timestamp,
    /// `rows` are the whole page, so one of them is as late as `latest`.
    pub(crate) is_whole: bool,
}

/// What the footer says about where rows lie.
pub(crate) struct Index {
    parquet: Arc<ParquetMetaData>,
    groups: Vec<Group>,
}

/// One row group; it has at least one row.
struct Group {
    offsets: Span,
    latest: Timestamp,
    bytes: usize,
}

/// Consecutive rows and the offsets of the first and the last of them.
struct Span {
    rows: Range<usize>,
    first: i64,
    last: i64,
}

impl Span {
    /// Offsets rise, so as many rows as offsets means that none is missing.
    fn is_dense(&self) -> bool {
        usize::try_from(self.last.abs_diff(self.first)).is_ok_and(|steps| steps + 1 == self.rows.len())
    }

    /// The row of the first offset at or after `from`, which is not past the last; `None` where it must be looked for.
    fn row(&self, from: i64) -> Option<usize> {
        if from <= self.first {
            return Some(self.rows.start);
        }
        let steps = usize::try_from(from.abs_diff(self.first)).ok()?;
        self.is_dense().then_some(self.rows.start + steps)
    }
}

impl Index {
    /// `None` where the statistics are missing or contradict each other.
    pub(crate) fn new(parquet: Arc<ParquetMetaData>, offsets: &Range<Offset>) -> Option<Self> {
        let groups: Vec<Group> = parquet.row_groups().iter().map(Group::new).collect::<Option<_>>()?;
        let mut next = offsets.start.0;
        for Group { offsets: span, .. } in &groups {
            let steps = usize::try_from(span.last.checked_sub(span.first)?).ok()?;
            if span.first < next || span.rows.is_empty() || steps < span.rows.len() - 1 {
                return None;
            }
            next = span.last.checked_add(1)?;
        }
        (next <= offsets.end.0).then_some(Self { parquet, groups })
    }

    /// Bytes of memory, about.
    pub(crate) fn weight(&self) -> usize {
        self.parquet.memory_size() + self.groups.len() * size_of::<Group>()
    }

    /// Where the first record at or after `from` is: outer `None` where there is none, inner where the page index is
    /// wrong.
    pub(crate) fn locate(&self, from: Offset) -> Option<Option<Located>> {
        let group = self.groups.partition_point(|group| group.offsets.last < from.0);
        let span = &self.groups.get(group)?.offsets;
        if let Some(row) = span.row(from.0) {
            return Some(Some(Located::At { group, row }));
        }
        let within = || {
            let page = self.pages(group, column::OFFSET)?.into_iter().find(|page| page.last >= from.0)?;
            Some(match page.row(from.0) {
                Some(row) => Located::At { group, row },
                None => Located::Within(Rows { group, rows: page.rows }),
            })
        };
        Some(within())
    }

    /// Offsets around `at` whose records take about `bytes`, cut the same way for every `at`: a row group, with the gap
    /// before it, in equal parts. What follows the last row group is one piece.
    pub(crate) fn piece(&self, at: Offset, bytes: usize, file: &Range<Offset>) -> Range<Offset> {
        if at < file.start || at >= file.end {
            return at..at;
        }
        let number = self.groups.partition_point(|group| group.offsets.last < at.0);
        let before = number.checked_sub(1).and_then(|number| self.groups.get(number));
        let start = before.map_or(file.start, |group| Offset(group.offsets.last).plus(1));
        let Some(group) = self.groups.get(number) else { return start..file.end };
        let end = Offset(group.offsets.last).plus(1);
        let pieces = u64::try_from(group.bytes.div_ceil(bytes.max(1))).unwrap_or(u64::MAX).max(1);
        let piece = end.since(start).div_ceil(pieces).max(1);
        let from = start.plus(at.since(start) / piece * piece);
        from..from.plus(piece).min(end)
    }

    /// The rows from `row` of `group` on that make up about `bytes`; at least one.
    pub(crate) fn window(&self, group: usize, row: usize, bytes: usize) -> Rows {
        let Some(Group { offsets, bytes: bytes_in_all, .. }) = self.groups.get(group) else {
            return Rows { group, rows: row..row };
        };
        let rows_in_all = offsets.rows.len();
        let bytes_per_row = (bytes_in_all / rows_in_all).max(1);
        let end = row.saturating_add((bytes / bytes_per_row).max(1));
        Rows { group, rows: row..end.min(rows_in_all) }
    }

    /// Row groups from `group` on that hold a timestamp of `timestamp` or later.
    pub(crate) fn groups_with(&self, group: usize, timestamp: Timestamp) -> impl Iterator<Item = usize> + '_ {
        (group..)
            .zip(self.groups.iter().skip(group))
            .filter(move |(_, group)| group.latest >= timestamp)
            .map(|(at, _)| at)
    }

    /// The pages of the timestamp column of `group` from `row` on; `None` where the page index is wrong.
    pub(crate) fn timestamp_pages(&self, group: usize, row: usize) -> Option<Vec<TimestampPage>> {
        let pages = self.pages(group, column::TIMESTAMP)?.into_iter().filter(|page| page.rows.end > row);
        let page = |page: Span| TimestampPage {
            is_whole: page.rows.start >= row,
            rows: Rows { group, rows: page.rows.start.max(row)..page.rows.end },
            latest: Timestamp(page.last),
        };
        Some(pages.map(page).collect())
    }

    /// The pages of an integer column; `first` and `last` are its minimum and maximum there.
    fn pages(&self, group: usize, column: usize) -> Option<Vec<Span>> {
        let rows_in_all = self.groups.get(group)?.offsets.rows.len();
        let index = self.parquet.page_index_for_row_group(group);
        let ColumnIndexMetaData::INT64(values) = index.column_index(column)? else { return None };
        let starts = index.page_locations(column)?.iter().map(|page| usize::try_from(page.first_row_index).ok());
        let starts: Vec<usize> = starts.collect::<Option<_>>()?;
        let ends = starts.iter().copied().skip(1).chain([rows_in_all]);
        let bounds = values.min_values_iter().zip(values.max_values_iter());
        let pages: Vec<Span> = starts
            .iter()
            .zip(ends)
            .zip(bounds)
            .map(|((start, end), (min, max))| Some(Span { rows: *start..end, first: *min?, last: *max? }))
            .collect::<Option<_>>()?;
        let in_order = pages.iter().all(|page| !page.rows.is_empty()) && starts.first() == Some(&0);
        (in_order && pages.len() == starts.len()).then_some(pages)
    }
}

impl Group {
    fn new(group: &RowGroupMetaData) -> Option<Self> {
        let (first, last) = bounds(group, column::OFFSET)?;
        let (_, latest) = bounds(group, column::TIMESTAMP)?;
        Some(Self {
            offsets: Span { rows: 0..usize::try_from(group.num_rows()).ok()?, first, last },
            latest: Timestamp(latest),
            bytes: usize::try_from(group.total_byte_size()).ok()?,
        })
    }
}

/// Smallest and largest value of an integer column.
fn bounds(group: &RowGroupMetaData, column: usize) -> Option<(i64, i64)> {
    let Statistics::Int64(statistics) = group.columns().get(column)?.statistics()? else { return None };
    Some((*statistics.min_opt()?, *statistics.max_opt()?))
}
