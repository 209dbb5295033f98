//! Amounts as people write them.

use alloy_primitives::{
    U256,
    utils::{format_units, parse_units},
};
use eyre::{Result, bail};

/// Parses an amount in wei: `1ether`, `0.5 gwei`, `2_000`, `0x10`.
pub(crate) fn parse_wei(text: &str) -> Result<U256> {
    let text = text.trim();
    if let Some(hex) = text.strip_prefix("0x") {
        return U256::from_str_radix(hex, 16).or_else(|_| bail!("`{text}` is not a hex number"));
    }
    let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = (text[..digits].trim().replace('_', ""), text[digits..].trim());
    let unit = if unit.is_empty() { "wei" } else { unit };
    let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    match parse_units(&number, unit) {
        Ok(amount) if plain && !loses_digits(&number, unit) => Ok(amount.get_absolute()),
        _ => bail!("`{text}` is not an amount: write a number with wei, gwei or ether after it"),
    }
}

/// Parses an amount on the command line.
pub(crate) fn wei(text: &str) -> Result<U256, String> {
    parse_wei(text).map_err(|error| error.to_string())
}

/// Returns true when `number` has more decimals than `unit`; these would be cut off.
fn loses_digits(number: &str, unit: &str) -> bool {
    let decimals = match unit.to_ascii_lowercase().as_str() {
        "ether" | "eth" => 18,
        "gwei" => 9,
        "wei" => 0,
        _ => return false,
    };
    number.split_once('.').is_some_and(|(_, fraction)| fraction.len() > decimals)
}

/// Writes `amount` with `decimals` decimals: `52914.604116`.
pub(crate) fn plain(amount: U256, decimals: u8) -> String {
    format_units(amount, decimals).expect("decimals of tokens are below 77")
}

/// Writes `amount` like [`plain`], with commas between thousands and without zeros at the end.
pub(crate) fn grouped(amount: U256, decimals: u8) -> String {
    let text = plain(amount, decimals);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let whole = thousands(whole);
    if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") }
}

/// Writes commas between the thousands of a whole number.
pub(crate) fn thousands(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_wei_reads_units() {
        for (text, wei) in [
            ("0", 0),
            ("17", 17),
            ("2_000", 2_000),
            ("0x10", 16),
            ("1gwei", 1_000_000_000),
            ("1.5 gwei", 1_500_000_000),
            ("1ether", 1_000_000_000_000_000_000u128),
            ("0.25 eth", 250_000_000_000_000_000),
        ] {
            assert_eq!(parse_wei(text).unwrap(), U256::from(wei), "{text}");
        }
    }

    #[test]
    fn parse_wei_refuses_what_is_no_amount() {
        for text in ["", "ether", "-1", "1 apple", "1.5", "1.0000000001gwei", "0xzz", "1e18"] {
            assert!(parse_wei(text).is_err(), "{text}");
        }
    }

    #[test]
    fn grouped_separates_thousands_and_drops_zeros() {
        assert_eq!(grouped(U256::from(52_914_604_116u64), 6), "52,914.604116");
        assert_eq!(grouped(U256::from(1_000_000_000_000u64), 6), "1,000,000");
        assert_eq!(grouped(U256::from(7), 6), "0.000007");
        assert_eq!(thousands("1234567"), "1,234,567");
    }
}
