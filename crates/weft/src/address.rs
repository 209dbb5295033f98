//! Addresses as people write them.

use alloy_primitives::Address;

/// Reads an address. Where capitals and small letters are mixed they are a checksum (EIP-55), which has to be right.
pub(crate) fn address(text: &str) -> Result<Address, String> {
    let address: Address =
        text.parse().map_err(|_| "is not an address: write 0x and 40 hex digits".to_owned())?;
    let is_mixed = text.bytes().any(|byte| matches!(byte, b'a'..=b'f'))
        && text.bytes().any(|byte| matches!(byte, b'A'..=b'F'));
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if is_mixed && address.to_checksum(None)[2..] != *digits {
        return Err("has a wrong checksum (EIP-55): is a digit wrong?".to_owned());
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_checked_where_there_are_some() {
        // EIP-55's own examples.
        for right in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
            "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        ] {
            assert!(address(right).is_ok(), "{right}");
        }
        for (wrong, why) in [
            ("0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "checksum"),
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", "40 hex digits"),
            ("", "40 hex digits"),
        ] {
            assert!(address(wrong).unwrap_err().contains(why), "{wrong}");
        }
    }
}
