//! Realms on the command line.

use weft_types::Domain;

/// Reads a realm: `L1:ADDRESS:REALM`.
pub(crate) fn parse_domain(text: &str) -> Result<Domain, String> {
    let wrong = || "write a realm as L1:ADDRESS:REALM, such as 1:0xABcd..:7".to_owned();
    let mut parts = text.split(':');
    let (Some(l1), Some(settlement), Some(realm), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong());
    };
    Ok(Domain {
        l1_chain_id: l1.parse().map_err(|_| wrong())?,
        settlement: settlement.parse().map_err(|_| wrong())?,
        realm: realm.parse().map_err(|_| wrong())?,
        ..Domain::dev()
    })
}
