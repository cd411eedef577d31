//! SaslHandshake (17): chooses a SASL mechanism. After version 0 the tokens follow without headers, after version 1
//! in SaslAuthenticate.

use crate::codec::messages;
use crate::error_code::ErrorCode;

messages! {
    request SaslHandshakeRequest of SaslHandshake {
        mechanism: String,
    }

    response SaslHandshakeResponse of SaslHandshake {
        error_code: ErrorCode,
        /// Mechanisms that the broker supports.
        mechanisms: Vec<String>,
    }
}
