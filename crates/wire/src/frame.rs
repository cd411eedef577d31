//! Frames and headers of requests and responses.
//!
//! ```text
//! request:  length i32 | api key i16 | version i16 | correlation id i32 | client id | [tagged fields] | body
//! response: length i32 | correlation id i32 | [tagged fields] | body
//! ```
//! Flexible versions have tagged fields in the header (request header v2, response header v1). The client id always has
//! a 16-bit length. The response header of ApiVersions has no tagged fields at any version, because the client does not
//! know our versions yet (KIP-511).

use bytes::Bytes;

use crate::api_key::ApiKey;
use crate::codec::{DecodeError, EncodeError, Layout, Reader, Wire, Writer};
use crate::message::{Message, Request};

/// Bytes of the length prefix of every frame.
pub const LENGTH_BYTES: usize = 4;

/// Where the correlation id is in a response frame.
pub const CORRELATION_ID: std::ops::Range<usize> = LENGTH_BYTES..LENGTH_BYTES + 4;

/// The header of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The API that is called.
    pub api: ApiKey,
    /// Version of the request, and of its response.
    pub version: i16,
    /// Chosen by the client; its response carries the same id.
    pub correlation_id: i32,
    /// The client's name for itself; `None` is Kafka's null.
    pub client_id: Option<String>,
}

impl RequestHeader {
    /// Reads the header and leaves the reader at the body. An unknown API key or version is an error: no response is
    /// possible, and Kafka closes the connection too. The exception is ApiVersions, whose header is returned with
    /// [`is_supported`](Self::is_supported) false and without a client id: the response has version 0, and the rest of
    /// the request is not read.
    pub fn decode(reader: &mut Reader) -> Result<Self, DecodeError> {
        let key = reader.i16()?;
        let version = reader.i16()?;
        let api = ApiKey::from_code(key).ok_or(DecodeError::UnknownApi(key))?;
        let correlation_id = reader.i32()?;
        let mut header = Self { api, version, correlation_id, client_id: None };
        if !header.is_supported() {
            return match api {
                ApiKey::ApiVersions => Ok(header),
                _ => Err(DecodeError::UnsupportedVersion { api: api.name(), version }),
            };
        }
        header.client_id = client_id(reader)?;
        if api.is_flexible(version) {
            reader.tagged_fields(|_, _| Ok(false))?;
        }
        Ok(header)
    }

    /// Writes the header.
    pub fn encode(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.put(&self.api.code().to_be_bytes());
        writer.put(&self.version.to_be_bytes());
        writer.put(&self.correlation_id.to_be_bytes());
        self.client_id.write(writer, Layout { version: self.version, flexible: false })?;
        if self.api.is_flexible(self.version) {
            writer.put_unsigned_varint(0);
        }
        Ok(())
    }

    /// Whether messages of this API and version can be read and written.
    pub fn is_supported(&self) -> bool {
        self.api.versions().contains(self.version)
    }
}

/// Reads the client id. Some clients do not send UTF-8; like Kafka, we replace the invalid bytes and serve them.
fn client_id(reader: &mut Reader) -> Result<Option<String>, DecodeError> {
    match reader.i16()? {
        -1 => Ok(None),
        length => {
            let bytes = usize::try_from(length).map_err(|_| DecodeError::NegativeLength(length.into()))?;
            Ok(Some(String::from_utf8_lossy(&reader.bytes(bytes)?).into_owned()))
        }
    }
}

/// The number of bytes that follow a length prefix; an error if it is negative or above `max`.
pub fn length(prefix: [u8; LENGTH_BYTES], max: usize) -> Result<usize, DecodeError> {
    let length = i32::from_be_bytes(prefix);
    usize::try_from(length).ok().filter(|bytes| *bytes <= max).ok_or(DecodeError::FrameLength { length, max })
}

/// Reads a request's body to the end of its frame; remaining bytes are an error.
pub fn decode_request<M: Request>(reader: Reader, version: i16) -> Result<M, DecodeError> {
    decode_whole(reader, version)
}

/// A request frame with its length prefix, as parts to write in order.
pub fn encode_request<M: Request>(
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
    request: &M,
) -> Result<Vec<Bytes>, EncodeError> {
    let client_id = client_id.map(str::to_owned);
    let mut frame = Writer::new();
    RequestHeader { api: M::API, version, correlation_id, client_id }.encode(&mut frame)?;
    request.encode(&mut frame, version)?;
    with_length(frame)
}

/// A response frame with its length prefix, as parts to write in order.
pub fn encode_response<M: Message>(version: i16, correlation_id: i32, response: &M) -> Result<Vec<Bytes>, EncodeError> {
    let mut frame = Writer::new();
    frame.put(&correlation_id.to_be_bytes());
    if has_tagged_response_header(M::API, version) {
        frame.put_unsigned_varint(0);
    }
    response.encode(&mut frame, version)?;
    with_length(frame)
}

/// Reads a response's header, leaves the reader at the body, and returns the correlation id.
pub fn decode_response_header(reader: &mut Reader, api: ApiKey, version: i16) -> Result<i32, DecodeError> {
    let correlation_id = reader.i32()?;
    if has_tagged_response_header(api, version) {
        reader.tagged_fields(|_, _| Ok(false))?;
    }
    Ok(correlation_id)
}

/// Reads a response's body to the end of its frame; remaining bytes are an error.
pub fn decode_response<M: Message>(reader: Reader, version: i16) -> Result<M, DecodeError> {
    decode_whole(reader, version)
}

fn decode_whole<M: Message>(mut reader: Reader, version: i16) -> Result<M, DecodeError> {
    let message = M::decode(&mut reader, version)?;
    reader.finish()?;
    Ok(message)
}

fn has_tagged_response_header(api: ApiKey, version: i16) -> bool {
    api.is_flexible(version) && api != ApiKey::ApiVersions
}

fn with_length(frame: Writer) -> Result<Vec<Bytes>, EncodeError> {
    let bytes = frame.len();
    let length = i32::try_from(bytes).map_err(|_| EncodeError::TooLong(bytes))?;
    let mut whole = Writer::new();
    whole.put(&length.to_be_bytes());
    whole.append(frame);
    Ok(whole.into_parts())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_code::ErrorCode;
    use crate::messages::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
    use crate::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};

    fn header(bytes: &'static [u8]) -> Result<RequestHeader, DecodeError> {
        RequestHeader::decode(&mut Reader::new(Bytes::from_static(bytes)))
    }

    #[test]
    fn a_client_id_that_is_not_utf8_is_accepted() {
        let request = header(b"\x00\x12\x00\x00\x00\x00\x00\x07\x00\x03b\xe9b").unwrap();
        assert_eq!(request.client_id.as_deref(), Some("b\u{fffd}b"));
    }

    #[test]
    fn an_unknown_version_of_api_versions_is_answered_in_sixteen_bytes() {
        let request = header(b"\x00\x12\x00\x05\x00\x00\x00\x07 any future layout").unwrap();
        assert!(!request.is_supported());
        let versions = ApiKey::ApiVersions.advertised();
        let key = ApiVersion { api_key: 18, min_version: versions.min, max_version: versions.max };
        let response = ApiVersionsResponse {
            error_code: ErrorCode::UNSUPPORTED_VERSION,
            api_keys: vec![key],
            ..ApiVersionsResponse::default()
        };
        let frame = encode_response(0, request.correlation_id, &response).unwrap().concat();
        let golden = b"\x00\x00\x00\x10\x00\x00\x00\x07\x00\x23\x00\x00\x00\x01\x00\x12\x00\x00\x00\x04";
        assert_eq!(frame, golden);
    }

    #[test]
    fn the_api_versions_response_has_no_tagged_fields_in_its_header() {
        let frame = encode_response(3, 7, &ApiVersionsResponse::default()).unwrap().concat();
        assert_eq!(frame, b"\x00\x00\x00\x0c\x00\x00\x00\x07\x00\x00\x01\x00\x00\x00\x00\x00");
    }

    #[test]
    fn the_client_id_is_not_compact_in_flexible_headers() {
        let request = ApiVersionsRequest { client_software_name: "n".into(), client_software_version: "1".into() };
        let frame = encode_request(3, 7, Some("me"), &request).unwrap().concat();
        assert_eq!(frame, b"\x00\x00\x00\x12\x00\x12\x00\x03\x00\x00\x00\x07\x00\x02me\x00\x02n\x021\x00");
    }

    #[test]
    fn request_and_response_headers_round_trip() {
        for version in ApiKey::Heartbeat.versions().iter() {
            for client_id in [None, Some("me")] {
                let request = HeartbeatRequest { group_id: "g".into(), ..HeartbeatRequest::default() };
                let frame = encode_request(version, -5, client_id, &request).unwrap().concat();
                let mut reader = Reader::new(Bytes::from(frame).slice(LENGTH_BYTES..));
                let header = RequestHeader::decode(&mut reader).unwrap();
                let client_id = client_id.map(str::to_owned);
                assert_eq!(header, RequestHeader { api: ApiKey::Heartbeat, version, correlation_id: -5, client_id });
                assert_eq!(decode_request(reader, version), Ok(request));

                let response = HeartbeatResponse { error_code: ErrorCode(27), ..HeartbeatResponse::default() };
                let frame = encode_response(version, -5, &response).unwrap().concat();
                let mut reader = Reader::new(Bytes::from(frame).slice(LENGTH_BYTES..));
                assert_eq!(decode_response_header(&mut reader, ApiKey::Heartbeat, version), Ok(-5));
                assert_eq!(decode_response(reader, version), Ok(response));
            }
        }
    }

    #[test]
    fn unknown_keys_and_versions_are_rejected() {
        assert_eq!(header(b"\x00\x04\x00\x00\x00\x00\x00\x07"), Err(DecodeError::UnknownApi(4)));
        assert_eq!(header(b"\x03\xe7\x00\x00\x00\x00\x00\x07"), Err(DecodeError::UnknownApi(999)));
        let error = DecodeError::UnsupportedVersion { api: "Metadata", version: 99 };
        assert_eq!(header(b"\x00\x03\x00\x63\x00\x00\x00\x07"), Err(error));
        let error = DecodeError::UnsupportedVersion { api: "Produce", version: 2 };
        assert_eq!(header(b"\x00\x00\x00\x02\x00\x00\x00\x07"), Err(error));
    }

    #[test]
    fn short_headers_are_rejected() {
        for length in 0..10 {
            let bytes = b"\x00\x03\x00\x00\x00\x00\x00\x07\xff\xff";
            assert!(matches!(header(&bytes[..length]), Err(DecodeError::Truncated { .. })), "{length} bytes");
        }
    }

    #[test]
    fn frame_lengths_are_bounded() {
        assert_eq!(length([0, 0, 1, 0], 256), Ok(256));
        assert_eq!(length([0, 0, 1, 1], 256), Err(DecodeError::FrameLength { length: 257, max: 256 }));
        assert!(length([0x7f, 0xff, 0xff, 0xff], 100 << 20).is_err());
        assert!(length([0xff, 0xff, 0xff, 0xff], usize::MAX).is_err());
    }
}
