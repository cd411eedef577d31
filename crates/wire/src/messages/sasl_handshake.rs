//! SaslHandshake (17): choose a mechanism. After version 0 tokens follow without headers, after version 1 in
//! SaslAuthenticate.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request SaslHandshakeRequest of SaslHandshake {
        mechanism: String,
    }

    response SaslHandshakeResponse of SaslHandshake {
        error_code: ErrorCode,
        /// Those that the broker has.
        mechanisms: Vec<String>,
    }
}
