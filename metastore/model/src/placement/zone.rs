//! In which zone a client is.

/// Tokens of a client id that tell its zone; all of them mean the same, each is what some client already says.
const TOKENS: [&str; 4] = ["zone", "ws_az", "diskless_az", "automq_az"];

/// The zone of a client: its rack, where it tells one (Fetch does), else the first `zone=` (or `ws_az=`, `diskless_az=`,
/// `automq_az=`) token of its client id. Tokens are parted by `,`, `;` or white space.
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
