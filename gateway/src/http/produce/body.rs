//! The body: `{"records": [{"key", "value", "partition", "timestamp", "headers"}]}`.
//!
//! The last two are our additions: milliseconds, and `[{"name", "value"}]`. An unknown name is an error, so that a
//! misspelt one is not ignored; the proxy's names of schemas are known, and ignored.

use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::super::error::HttpError;
use super::super::format::Format;

/// Records in one request: at about 300 B each beyond their text, they take as much memory as the largest body.
const RECORDS_MAX: usize = 50_000;

/// One record to append.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// The partition, if the record names one.
    pub partition: Option<i32>,
    /// The key; `None` is Kafka's null.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is Kafka's null.
    pub value: Option<Vec<u8>>,
    /// Milliseconds since the Unix epoch, if the record says.
    pub timestamp: Option<i64>,
    /// Names and values of headers, in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow, default)]
    records: Records<'a>,
    #[serde(default, rename = "key_schema")]
    _key_schema: IgnoredAny,
    #[serde(default, rename = "key_schema_id")]
    _key_schema_id: IgnoredAny,
    #[serde(default, rename = "value_schema")]
    _value_schema: IgnoredAny,
    #[serde(default, rename = "value_schema_id")]
    _value_schema_id: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<'a> {
    #[serde(borrow, default)]
    key: Option<&'a RawValue>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    partition: Option<i32>,
    timestamp: Option<i64>,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    value: Option<String>,
}

/// At most [`RECORDS_MAX`] records.
#[derive(Default)]
struct Records<'a>(Vec<Record<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Records<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;
        impl<'de> Visitor<'de> for Bounded {
            type Value = Records<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an array of at most {RECORDS_MAX} records")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut records = Vec::new();
                while let Some(record) = items.next_element()? {
                    if records.len() == RECORDS_MAX {
                        return Err(serde::de::Error::invalid_length(RECORDS_MAX + 1, &self));
                    }
                    records.push(record);
                }
                Ok(Records(records))
            }
        }
        deserializer.deserialize_seq(Bounded)
    }
}

/// The records in a body, at least one.
pub fn parse(body: &[u8], format: Format) -> Result<Vec<NewRecord>, HttpError> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|error| HttpError::payload(error.to_string()))?;
    if body.records.0.is_empty() {
        return Err(HttpError::unprocessable("records may not be empty"));
    }
    let records = body.records.0.into_iter().enumerate();
    records.map(|(index, record)| decode(record, format).map_err(|fault| fault.of(index))).collect()
}

struct Fault(&'static str, &'static str);

impl Fault {
    fn of(self, index: usize) -> HttpError {
        let Self(part, problem) = self;
        HttpError::payload(format!("records[{index}]: {part} {problem}"))
    }
}

fn decode(record: Record<'_>, format: Format) -> Result<NewRecord, Fault> {
    let bytes = |part: &'static str, value: Option<&RawValue>| {
        value.map(|value| format.decode(value)).transpose().map_err(|problem| Fault(part, problem))
    };
    let header = |Header { name, value }| {
        let value = value.map(|value| format.decode_header(value)).transpose();
        Ok((name, value.map_err(|problem| Fault("a header's value", problem))?))
    };
    if record.timestamp.is_some_and(|timestamp| timestamp < 0) {
        return Err(Fault("timestamp", "is before 1970"));
    }
    Ok(NewRecord {
        partition: record.partition,
        key: bytes("key", record.key)?,
        value: bytes("value", record.value)?,
        timestamp: record.timestamp,
        headers: record.headers.into_iter().map(header).collect::<Result<_, Fault>>()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn null_and_an_absent_name_are_the_same() {
        let body = br#"{"records": [{"key": null, "value": 1}, {"value": null}]}"#;
        let records = parse(body, Format::Json).expect("it is a body");
        let value = NewRecord { value: Some(b"1".to_vec()), ..NewRecord::default() };
        assert_eq!(records, [value, NewRecord::default()]);
    }

    #[test]
    fn faults_name_the_record() {
        let error = parse(br#"{"records": [{"value": "AA=="}, {"value": "*"}]}"#, Format::Binary);
        assert_eq!(error, Err(HttpError::payload("records[1]: value is not base64")));
    }

    #[test]
    fn a_misspelt_name_is_an_error_and_those_of_schemas_are_not() {
        assert!(parse(br#"{"records": [{"vlaue": 1}]}"#, Format::Json).is_err());
        assert!(
            parse(br#"{"value_schema": "{}", "key_schema_id": 7, "records": [{"value": 1}]}"#, Format::Json).is_ok()
        );
    }

    #[test]
    fn records_are_limited_in_number() {
        let body = |count: usize| format!("{{\"records\":[{}]}}", vec!["{}"; count].join(","));
        assert_eq!(parse(body(RECORDS_MAX).as_bytes(), Format::Json).map(|records| records.len()), Ok(RECORDS_MAX));
        let error = parse(body(RECORDS_MAX + 1).as_bytes(), Format::Json).expect_err("too many");
        assert_eq!(error.code, 42206, "{error:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_records_or_an_error(bytes: Vec<u8>) {
            let _ = parse(&bytes, Format::Json);
            let _ = parse(&bytes, Format::Binary);
        }
    }
}
