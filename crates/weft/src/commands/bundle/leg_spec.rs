//! The `--leg` argument.

use super::file::DraftLeg;
use crate::{address, amount::parse_wei};
use alloy_primitives::{Address, Bytes, U256};
use std::{collections::BTreeSet, str::FromStr};

/// How a leg is written, for error messages.
const FORM: &str = "901:from=0x..,to=0x..[,value=1ether][,data=0x..][,gas=N][,may-revert][,list]";

impl FromStr for DraftLeg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (chain, fields) =
            text.split_once(':').ok_or_else(|| format!("write a leg as {FORM}"))?;
        let chain_id = chain.trim().parse().map_err(|_| {
            format!("`{chain}` is not a chain id: a leg begins with one, as in {FORM}")
        })?;
        let mut leg = Self { chain_id, ..Self::default() };
        let mut from = None;
        let mut seen = BTreeSet::new();
        for field in fields.split(',').map(str::trim) {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            if !seen.insert(name) {
                return Err(format!("`{name}` stands twice"));
            }
            match name {
                "from" => from = Some(address(name, value)?),
                "to" => leg.to = Some(address(name, value)?),
                "value" => leg.value = amount(value)?,
                "data" => leg.data = data(value)?,
                "gas" => leg.gas = Some(gas(value)?),
                "may-revert" if value.is_empty() => leg.may_revert = true,
                "list" if value.is_empty() => leg.list_marker = true,
                _ => return Err(format!("`{field}` is no part of a leg: write {FORM}")),
            }
        }
        leg.from = from.ok_or("`from=0x..` is missing: a bundle's id covers the senders")?;
        if leg.to.is_none() && leg.data.is_empty() {
            return Err("`to=0x..` is missing; a creation needs `data=0x..`".to_owned());
        }
        Ok(leg)
    }
}

fn address(name: &str, value: &str) -> Result<Address, String> {
    address::address(value).map_err(|why| format!("`{name}={value}` {why}"))
}

fn amount(value: &str) -> Result<U256, String> {
    parse_wei(value).map_err(|error| error.to_string())
}

fn data(value: &str) -> Result<Bytes, String> {
    value.parse().map_err(|_| format!("`data={value}` is not hex: 0x and pairs of hex digits"))
}

fn gas(value: &str) -> Result<u64, String> {
    value.replace('_', "").parse().map_err(|_| format!("`gas={value}` is not a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

    #[test]
    fn leg_spec_reads_every_field() {
        let text = format!("902:from={A},to={A},value=1.5ether,data=0xabcd,gas=50_000,may-revert");
        let leg: DraftLeg = text.parse().unwrap();
        assert_eq!((leg.chain_id, leg.from, leg.to), (902, A.parse().unwrap(), A.parse().ok()));
        assert_eq!(leg.value, U256::from(1_500_000_000_000_000_000u128));
        assert_eq!(leg.data.as_ref(), [0xab, 0xcd]);
        assert_eq!((leg.gas, leg.may_revert, leg.list_marker), (Some(50_000), true, false));
    }

    #[test]
    fn leg_spec_names_what_is_wrong() {
        for (text, part) in [
            ("hello".to_owned(), "write a leg as 901:from="),
            (format!("x:from={A}"), "`x` is not a chain id"),
            (format!("901:to={A}"), "`from=0x..` is missing"),
            (format!("901:from={A}"), "`to=0x..` is missing"),
            (format!("901:from={A},to=0x12"), "`to=0x12` is not an address"),
            (format!("901:from={A},to={A},value=x"), "`x` is not an amount"),
            (format!("901:from={A},to={A},data=0x1"), "`data=0x1` is not hex"),
            (format!("901:from={A},to={A},gas=many"), "`gas=many` is not a whole number"),
            (format!("901:from={A},to={A},to={A}"), "`to` stands twice"),
            (format!("901:from={A},to={A},colour=red"), "`colour=red` is no part of a leg"),
            (format!("901:from={A},to={A},may-revert=yes"), "no part of a leg"),
        ] {
            let error = text.parse::<DraftLeg>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
