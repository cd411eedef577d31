//! Frames and headers: what surrounds every message.
//!
//! ```text
//! request:  length i32 | api key i16 | version i16 | correlation id i32 | client id i16-string | [tagged fields] | body
//! response: length i32 | correlation id i32 | [tagged fields] | body
//! ```
//! The tagged fields are there in flexible versions (header v2 and v1). The client id never becomes compact, and the answer to
//! ApiVersions has none of them at any version: the client does not know yet what we speak (KIP-511).

use bytes::Bytes;

use crate::api_key::ApiKey;
use crate::codec::{DecodeError, EncodeError, Layout, Reader, Wire, Writer};
use crate::message::{Message, Request};

/// Bytes of the length that precedes every frame.
pub const LENGTH_BYTES: usize = 4;

/// What precedes the body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    pub api: ApiKey,
    pub version: i16,
    pub correlation_id: i32,
    pub client_id: Option<String>,
}

impl RequestHeader {
    /// Reads the header and leaves the reader at the body. An unknown key or version is an error: there is nothing to answer,
    /// and Kafka closes the connection too. The exception is ApiVersions, whose header is returned with
    /// [`is_supported`](Self::is_supported) false and without client id: it is answered in version 0, and the rest is not read.
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
        header.client_id = Wire::read(reader, Layout { version, flexible: false })?;
        if api.is_flexible(version) {
            reader.tagged_fields(|_, _| Ok(false))?;
        }
        Ok(header)
    }

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

    /// Whether we have messages of this version.
    pub fn is_supported(&self) -> bool {
        self.api.versions().contains(self.version)
    }
}

/// The number of bytes that follow a length prefix, if it is neither negative nor beyond `max`.
pub fn length(prefix: [u8; LENGTH_BYTES], max: usize) -> Result<usize, DecodeError> {
    let length = i32::from_be_bytes(prefix);
    usize::try_from(length).ok().filter(|bytes| *bytes <= max).ok_or(DecodeError::FrameLength { length, max })
}

/// Reads a request's body to the end of its frame; bytes left over are an error.
pub fn decode_request<M: Message>(mut reader: Reader, version: i16) -> Result<M, DecodeError> {
    let message = M::decode(&mut reader, version)?;
    reader.finish()?;
    Ok(message)
}

/// A whole request with its length, as parts to write in order. The API is the message's.
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

/// A whole response with its length, as parts to write in order.
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

/// Reads a response's body to the end of its frame; bytes left over are an error.
pub fn decode_response<M: Message>(mut reader: Reader, version: i16) -> Result<M, DecodeError> {
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
