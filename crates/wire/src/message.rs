//! The traits of all messages.

use crate::api_key::ApiKey;
use crate::codec::{DecodeError, EncodeError, Reader, Writer};
use crate::error_code::ErrorCode;

/// Whether a message is a request or a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the broker.
    Request,
    /// From the broker to the client.
    Response,
}

/// The body of a request or a response. Both can be read and written, so that our own clients use the same
/// declarations.
pub trait Message: Sized {
    /// The API that the message belongs to.
    const API: ApiKey;
    /// Request or response.
    const DIRECTION: Direction;

    /// Reads a body of the given version; bytes after it stay in the reader.
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError>;

    /// Writes a body of the given version. Fields that the version does not have are left out.
    fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError>;

    /// The first error code in it that is not `NONE`, in the order of its fields; `NONE` if there is none.
    fn first_error(&self) -> ErrorCode;
}

/// A request and the type of its response.
pub trait Request: Message {
    /// The response to this request.
    type Response: Message;
}
