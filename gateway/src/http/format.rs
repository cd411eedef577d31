//! How bytes are written as JSON and back, and the media types that choose it.
//!
//! | format | produced value | read value |
//! |---|---|---|
//! | `json` | any JSON | the JSON itself; bytes that are not JSON: as under `text` |
//! | `binary` | a string, base64 | a string, base64 |
//! | `text` | (not for producing) | a string if they are UTF-8, else `{"base64": ".."}` |
//! The produced value is the text of the JSON without the blanks between its tokens; its digits and the order of names
//! do not change.
//!
//! Keys are written as values are. `null` is Kafka's null. Header values are strings: base64 under `binary`, else
//! UTF-8.
//!
//! `json` is pleasant to read, and not exact: the value `"a"` (JSON, with quotes) and the value `a` (not JSON) read the
//! same. A client that must tell them apart uses `text` or `binary`.

use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::error::HttpError;

/// The proxy's media types.
pub const KAFKA_JSON: &str = "application/vnd.kafka.v2+json";
const JSON_RECORDS: &str = "application/vnd.kafka.json.v2+json";
const BINARY_RECORDS: &str = "application/vnd.kafka.binary.v2+json";
const PLAIN_JSON: &str = "application/json";
const PLAIN_TEXT: &str = "text/plain";

/// The standard base64 alphabet; padding may be left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How bytes are written in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As JSON.
    Json,
    /// As base64.
    Binary,
    /// As strings.
    Text,
}

impl Format {
    /// The format of the records in a body with these headers.
    ///
    /// # Errors
    /// 415 if the content type is missing or not one of those that records have.
    pub fn of_body(headers: &HeaderMap) -> Result<Self, HttpError> {
        match media_types(headers, &CONTENT_TYPE).next().as_deref() {
            Some(JSON_RECORDS | PLAIN_JSON) => Ok(Self::Json),
            Some(BINARY_RECORDS) => Ok(Self::Binary),
            _ => Err(HttpError::new(
                415,
                format!("records are taken as content type {JSON_RECORDS}, {BINARY_RECORDS} or {PLAIN_JSON}"),
            )),
        }
    }

    /// The format that `name` says, or else the first known one that the client accepts, with the media type of the
    /// answer.
    ///
    /// # Errors
    /// 400 if there is no such format.
    pub fn of_answer(name: Option<&str>, headers: &HeaderMap) -> Result<(Self, &'static str), HttpError> {
        match name {
            Some("json") => Ok((Self::Json, PLAIN_JSON)),
            Some("binary") => Ok((Self::Binary, PLAIN_JSON)),
            Some("text") => Ok((Self::Text, PLAIN_JSON)),
            Some(other) => {
                Err(HttpError::bad_request(format!("format is one of json, binary and text, not {other:?}")))
            }
            None => Ok(media_types(headers, &ACCEPT)
                .find_map(|accepted| Self::accepted(&accepted))
                .unwrap_or((Self::Json, PLAIN_JSON))),
        }
    }

    fn accepted(media_type: &str) -> Option<(Self, &'static str)> {
        match media_type {
            JSON_RECORDS => Some((Self::Json, JSON_RECORDS)),
            BINARY_RECORDS => Some((Self::Binary, BINARY_RECORDS)),
            PLAIN_JSON => Some((Self::Json, PLAIN_JSON)),
            PLAIN_TEXT => Some((Self::Text, PLAIN_JSON)),
            _ => None,
        }
    }

    /// The bytes of a key or a value of a produced record.
    ///
    /// # Errors
    /// Why it is invalid.
    pub fn decode(self, value: &RawValue) -> Result<Vec<u8>, &'static str> {
        match self {
            Self::Json => Ok(without_blanks(value.get())),
            Self::Binary => {
                let text: String = serde_json::from_str(value.get()).map_err(|_| "is not a string of base64")?;
                Self::decode_base64(&text)
            }
            Self::Text => Err("cannot be produced as text"),
        }
    }

    /// The bytes of a header's value.
    ///
    /// # Errors
    /// Why it is invalid.
    pub fn decode_header(self, value: String) -> Result<Vec<u8>, &'static str> {
        match self {
            Self::Json | Self::Text => Ok(value.into_bytes()),
            Self::Binary => Self::decode_base64(&value),
        }
    }

    fn decode_base64(text: &str) -> Result<Vec<u8>, &'static str> {
        BASE64.decode(text).map_err(|_| "is not base64")
    }

    /// A key or value of a record that was read, ready to be written as JSON.
    #[must_use]
    pub fn encode(self, bytes: Option<&[u8]>) -> Encoded<'_> {
        let Some(bytes) = bytes else { return Encoded::Null };
        match self {
            Self::Json => match serde_json::from_slice::<&RawValue>(bytes) {
                Ok(json) => Encoded::Json(json),
                Err(_) => Encoded::text(bytes),
            },
            Self::Binary => Encoded::Base64(bytes),
            Self::Text => Encoded::text(bytes),
        }
    }

    /// The same for a header's value.
    #[must_use]
    pub fn encode_header(self, bytes: Option<&[u8]>) -> Encoded<'_> {
        match self {
            Self::Json => Self::Text.encode(bytes),
            Self::Binary | Self::Text => self.encode(bytes),
        }
    }
}

/// Bytes as they are written in JSON.
#[derive(Clone, Copy, Debug)]
pub enum Encoded<'a> {
    /// `null`.
    Null,
    /// Bytes that are JSON, as they are.
    Json(&'a RawValue),
    /// A string.
    Text(&'a str),
    /// A string of base64.
    Base64(&'a [u8]),
    /// An object with the one name `base64`.
    Wrapped(&'a [u8]),
}

impl<'a> Encoded<'a> {
    fn text(bytes: &'a [u8]) -> Self {
        std::str::from_utf8(bytes).map_or(Self::Wrapped(bytes), Self::Text)
    }
}

impl Serialize for Encoded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Json(json) => json.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Base64(bytes) => serializer.serialize_str(&BASE64.encode(bytes)),
            Self::Wrapped(bytes) => {
                let mut object = serializer.serialize_map(Some(1))?;
                object.serialize_entry("base64", &BASE64.encode(bytes))?;
                object.end()
            }
        }
    }
}

/// An answer in the proxy's own media type.
#[derive(Debug)]
pub struct KafkaJson<T>(pub T);

impl<T: Serialize> IntoResponse for KafkaJson<T> {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.0).expect("names, numbers and texts are JSON");
        ([(CONTENT_TYPE, KAFKA_JSON)], body).into_response()
    }
}

/// The media types in a header, without their parameters, in lower case. (Weights are ignored: the first known type is
/// used.)
fn media_types<'a>(headers: &'a HeaderMap, name: &'a HeaderName) -> impl Iterator<Item = String> + 'a {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let types = values.flat_map(|value| value.split(','));
    types.map(|media| media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Valid JSON without the blanks between its tokens.
fn without_blanks(json: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        if in_string {
            in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
        } else if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).expect("it is JSON")
    }

    fn written(format: Format, bytes: &[u8]) -> String {
        serde_json::to_string(&format.encode(Some(bytes))).expect("it can be written")
    }

    #[test]
    fn json_keeps_its_digits_its_order_and_the_blanks_inside_of_strings() {
        let value = raw(" { \"b\" : 1.10 ,\n\t\"a\" : [ 12345678901234567890123 , \" x \\\" y \\\\\" ] } ");
        let bytes = Format::Json.decode(&value).expect("any JSON is a value");
        assert_eq!(
            String::from_utf8(bytes).expect("JSON is text"),
            r#"{"b":1.10,"a":[12345678901234567890123," x \" y \\"]}"#
        );
    }

    #[test]
    fn bytes_that_are_no_json_read_as_a_string_or_as_base64() {
        assert_eq!(written(Format::Json, b"{\"a\": 1}"), "{\"a\": 1}");
        assert_eq!(written(Format::Json, b"{not json"), "\"{not json\"");
        assert_eq!(written(Format::Json, b""), "\"\"");
        assert_eq!(written(Format::Json, &[0xff, 0]), "{\"base64\":\"/wA=\"}");
        assert_eq!(written(Format::Text, b"17"), "\"17\"");
        assert_eq!(written(Format::Binary, b"17"), "\"MTc=\"");
    }

    #[test]
    fn base64_is_taken_with_and_without_padding() {
        assert_eq!(Format::Binary.decode(&raw("\"MTc=\"")), Ok(b"17".to_vec()));
        assert_eq!(Format::Binary.decode(&raw("\"MTc\"")), Ok(b"17".to_vec()));
        assert!(Format::Binary.decode(&raw("\"M!\"")).is_err());
        assert!(Format::Binary.decode(&raw("17")).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_written_as_valid_json_and_binary_reads_them_back(bytes: Vec<u8>) {
            for format in [Format::Json, Format::Text, Format::Binary] {
                let text = written(format, &bytes);
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
            }
            let back = Format::Binary.decode(&raw(&written(Format::Binary, &bytes)));
            prop_assert_eq!(back, Ok(bytes));
        }

        #[test]
        fn blanks_between_tokens_do_not_matter(text: String) {
            let value = serde_json::json!({ "text": text, "list": [1, null, true] });
            let compact = serde_json::to_string(&value).expect("JSON is text");
            let pretty = raw(&serde_json::to_string_pretty(&value).expect("JSON is text"));
            prop_assert_eq!(Format::Json.decode(&pretty), Ok(compact.into_bytes()));
        }
    }
}
