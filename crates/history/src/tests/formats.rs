//! `docs/formats.md` names every column and every metadata key of a history file.

use arrow_schema::{DataType, Field};

use crate::schema::{header_fields, key, schema};

const PAGE: &str = include_str!("../../../../docs/formats.md");

/// The first cells of the rows of the table under the heading `heading`.
fn first_cells(heading: &str) -> Vec<&'static str> {
    let (_, section) = PAGE.split_once(&format!("\n{heading}\n")).expect("the page has the heading");
    let section = section.split("\n#").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    rows.map(|(first, _)| first).skip(1).collect()
}

#[test]
fn the_page_shows_the_columns_of_the_schema_in_order() {
    let columns = |field: &Field| match field.data_type() {
        DataType::List(_) => header_fields().iter().map(|of| format!("headers.list.element.{}", of.name())).collect(),
        _ => vec![field.name().clone()],
    };
    let expected: Vec<_> = schema().fields().iter().flat_map(|field| columns(field)).collect();
    assert_eq!(first_cells("### Columns"), expected);
}

#[test]
fn the_page_shows_the_metadata_keys() {
    let keys = [
        key::TOPIC,
        key::TOPIC_ID,
        key::PARTITIONS,
        key::FORMAT_VERSION,
        key::PARTITION,
        key::START_OFFSET,
        key::END_OFFSET,
    ];
    assert_eq!(first_cells("### File metadata"), keys);
}
