//! The availability zone of a client.

/// Names of the tokens in a client id that give its zone. All mean the same; each is already used by some system's
/// clients.
const TOKENS: [&str; 4] = ["zone", "ws_az", "diskless_az", "automq_az"];

/// The zone of a client: its rack, if the request has one (Fetch does), otherwise the first `zone=` (or `ws_az=`,
/// `diskless_az=`, `automq_az=`) token of its client id. Tokens are separated by `,`, `;` or white space.
#[must_use]
pub fn client_zone<'a>(rack: Option<&'a str>, client_id: Option<&'a str>) -> Option<&'a str> {
    let of_client_id = || client_id.into_iter().flat_map(tokens).find_map(zone_of);
    rack.filter(|rack| !rack.is_empty()).or_else(of_client_id)
}

fn tokens(client_id: &str) -> impl Iterator<Item = &str> {
    client_id.split(|c: char| c == ',' || c == ';' || c.is_whitespace())
}

fn zone_of(token: &str) -> Option<&str> {
    let (name, zone) = token.split_once('=')?;
    (TOKENS.contains(&name) && !zone.is_empty()).then_some(zone)
}
