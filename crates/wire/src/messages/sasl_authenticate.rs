//! SaslAuthenticate (36): one step of the SASL mechanism's exchange.

use bytes::Bytes;

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request SaslAuthenticateRequest of SaslAuthenticate {
        auth_bytes: Bytes,
    }

    response SaslAuthenticateResponse of SaslAuthenticate {
        error_code: ErrorCode,
        error_message: Option<String> [null ..] = Some(String::new()),
        auth_bytes: Bytes,
        /// Time in ms after which the client must authenticate again (KIP-368); 0: never.
        session_lifetime_ms: i64 [in 1..],
    }
}
