//! What all messages have in common.

use crate::api_key::ApiKey;
use crate::codec::{DecodeError, EncodeError, Reader, Writer};

/// Which way a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Request,
    Response,
}

/// The body of a request or a response. Both directions can be read and written, so that clients of ours share the
/// declarations.
pub trait Message: Sized {
    const API: ApiKey;
    const DIRECTION: Direction;

    /// Reads a body of the given version; bytes after it are left in the reader.
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError>;

    /// Writes a body of the given version. Fields that the version does not have are left out.
    fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError>;
}

/// A request, with the message that answers it.
pub trait Request: Message {
    type Response: Message;
}
