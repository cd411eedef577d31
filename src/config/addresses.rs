//! Addresses to listen on, and addresses that others connect to.

use std::net::{SocketAddr, ToSocketAddrs};

use super::invalid_setting::{InvalidSetting, invalid};

/// The address that `text` resolves to on this machine.
pub(super) fn listen_address(option: &'static str, text: &str) -> Result<SocketAddr, InvalidSetting> {
    text.to_socket_addrs()
        .map_err(|error| invalid(option, text, format!("{error}; expected HOST:PORT")))?
        .next()
        .ok_or_else(|| invalid(option, text, "resolves to no address"))
}

/// Host and port as others connect to them; resolved by them, not here.
pub(super) fn advertised_address(
    option: &'static str,
    text: Option<&str>,
) -> Result<Option<(String, u16)>, InvalidSetting> {
    let Some(text) = text else { return Ok(None) };
    let (host, port) = text.rsplit_once(':').ok_or_else(|| invalid(option, text, "expected HOST:PORT"))?;
    let port = port.parse().map_err(|_| invalid(option, text, "the port is not a number up to 65535"))?;
    if host.is_empty() || port == 0 {
        return Err(invalid(option, text, "expected a host and a port that others can connect to"));
    }
    Ok(Some((host.trim_matches(['[', ']']).into(), port)))
}
