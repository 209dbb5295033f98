//! Bundles as JSON: a draft, and what `build` and `sign` make of it.

use crate::amount::parse_wei;
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, U256};
use eyre::{Result, WrapErr, bail, ensure};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;
use std::{
    fs,
    io::{IsTerminal, Read, Write, stdin, stdout},
};
use weft_types::{
    BundleId, BundleShape, Domain, LegShape, NetworkId, RESERVED, SafetyLevel, bundle::MARKER_LEN,
};

/// What is said of a bundle without legs.
pub(super) const NO_LEGS: &str =
    "a bundle needs a leg: add --leg '901:from=0x..,to=0x..,value=1ether'";

/// A bundle that nobody has marked yet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::commands) struct Draft {
    /// Distinguishes bundles that are otherwise the same.
    pub(in crate::commands) salt: Option<B256>,
    /// Safety asked for.
    #[serde(default)]
    pub(in crate::commands) level: SafetyLevel,
    /// Realm, when it is deployed on L1.
    #[serde(default)]
    pub(in crate::commands) domain: Option<Domain>,
    /// Legs in execution order.
    pub(in crate::commands) legs: Vec<DraftLeg>,
}

/// One leg of a [`Draft`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::commands) struct DraftLeg {
    #[serde(deserialize_with = "number")]
    pub(in crate::commands) chain_id: u64,
    pub(in crate::commands) from: Address,
    #[serde(default)]
    pub(in crate::commands) to: Option<Address>,
    #[serde(default, deserialize_with = "wei")]
    pub(in crate::commands) value: U256,
    #[serde(default)]
    pub(in crate::commands) data: Bytes,
    #[serde(default)]
    pub(in crate::commands) gas: Option<u64>,
    #[serde(default)]
    pub(in crate::commands) may_revert: bool,
    /// Puts the marker into the access list although the call data has room for it.
    #[serde(default)]
    pub(in crate::commands) list_marker: bool,
}

/// A bundle with its identity; its legs are ready to be signed, or signed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::commands) struct BundleFile {
    /// Identity (P18).
    pub(in crate::commands) id: BundleId,
    /// False when the legs carry no marker, so that they can be lifted out.
    pub(in crate::commands) protected: bool,
    pub(in crate::commands) salt: B256,
    pub(in crate::commands) level: SafetyLevel,
    /// Realm, when it is deployed on L1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) domain: Option<Domain>,
    /// Suffix of the call data of the legs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) marker: Option<Bytes>,
    pub(in crate::commands) legs: Vec<LegFile>,
}

/// One leg of a [`BundleFile`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::commands) struct LegFile {
    #[serde(deserialize_with = "number")]
    pub(in crate::commands) chain_id: u64,
    pub(in crate::commands) from: Address,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) to: Option<Address>,
    pub(in crate::commands) value: U256,
    /// Call data, marker included.
    pub(in crate::commands) data: Bytes,
    /// Access list with the marker, for a leg whose call data cannot carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) access_list: Option<AccessList>,
    pub(in crate::commands) may_revert: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) gas: Option<u64>,
    /// Signed transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) raw: Option<Bytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) tx_hash: Option<B256>,
}

impl Draft {
    /// Checks that there are legs, each of a network that can be.
    pub(super) fn check(&self) -> Result<()> {
        ensure!(!self.legs.is_empty(), "{NO_LEGS}");
        self.legs.iter().try_for_each(|leg| network(leg.chain_id).map(drop))
    }

    /// Returns the bundle with its identity; its legs are marked when `marked`.
    pub(in crate::commands) fn build(&self, marked: bool) -> Result<BundleFile> {
        let salt = self.salt.unwrap_or_default();
        self.check()?;
        let legs = self.legs.iter().map(DraftLeg::shape).collect::<Result<Vec<_>>>()?;
        let shape = BundleShape { salt, level: self.level, legs };
        let id = shape.id(&self.domain.unwrap_or_else(Domain::dev));
        Ok(BundleFile {
            id,
            protected: marked,
            salt,
            level: self.level,
            domain: self.domain,
            marker: marked.then(|| Bytes::copy_from_slice(&id.suffix())),
            legs: self.legs.iter().map(|leg| leg.mark(marked.then_some(id))).collect(),
        })
    }
}

impl DraftLeg {
    /// Returns what the bundle's identity says about the leg.
    pub(in crate::commands) fn shape(&self) -> Result<LegShape> {
        Ok(LegShape {
            network: network(self.chain_id)?,
            sender: self.from,
            to: self.to,
            value: self.value,
            data: self.data.clone(),
            may_revert: self.may_revert,
        })
    }

    /// Returns the leg with the marker of bundle `id`, if it is to have one.
    fn mark(&self, id: Option<BundleId>) -> LegFile {
        // A creation would run its suffix as code, so that its marker goes into the access list (P18).
        let listed = self.list_marker || self.to.is_none();
        let suffix = id.filter(|_| !listed).map(BundleId::suffix);
        let data = match suffix {
            Some(suffix) => [self.data.as_ref(), &suffix].concat().into(),
            None => self.data.clone(),
        };
        LegFile {
            chain_id: self.chain_id,
            from: self.from,
            to: self.to,
            value: self.value,
            data,
            access_list: id.filter(|_| listed).map(marker_list),
            may_revert: self.may_revert,
            gas: self.gas,
            raw: None,
            tx_hash: None,
        }
    }
}

impl BundleFile {
    /// Returns the realm that it is for.
    pub(in crate::commands) fn domain(&self) -> Domain {
        self.domain.unwrap_or_else(Domain::dev)
    }

    /// Checks that the identity is that of the legs.
    pub(in crate::commands) fn check(&self) -> Result<()> {
        let legs = self.legs.iter().map(|leg| leg.shape(self.id)).collect::<Result<Vec<_>>>()?;
        let shape = BundleShape { salt: self.salt, level: self.level, legs };
        let computed = shape.id(&self.domain());
        ensure!(
            computed == self.id,
            "the file says bundle {} but its legs make bundle {computed}; build it again",
            self.id
        );
        let marked = self.legs.iter().all(|leg| leg.is_marked(self.id));
        ensure!(
            marked == self.protected,
            "the file says protected: {} but {} its legs carry the marker; build it again",
            self.protected,
            if marked { "all of" } else { "not all of" }
        );
        Ok(())
    }
}

impl LegFile {
    fn shape(&self, id: BundleId) -> Result<LegShape> {
        let data = match self.data.as_ref().ends_with(&id.suffix()) {
            true => self.data.slice(..self.data.len() - MARKER_LEN),
            false => self.data.clone(),
        };
        Ok(LegShape {
            network: network(self.chain_id)?,
            sender: self.from,
            to: self.to,
            value: self.value,
            data,
            may_revert: self.may_revert,
        })
    }

    fn is_marked(&self, id: BundleId) -> bool {
        self.data.as_ref().ends_with(&id.suffix()) || self.access_list == Some(marker_list(id))
    }
}

/// Returns the access list that marks a leg of bundle `id`.
fn marker_list(id: BundleId) -> AccessList {
    AccessList(vec![AccessListItem { address: RESERVED, storage_keys: vec![id.hash()] }])
}

/// Returns the network with EIP-155 id `chain_id`; in a development realm the two numbers are the same.
pub(in crate::commands) fn network(chain_id: u64) -> Result<NetworkId> {
    match u32::try_from(chain_id) {
        Ok(id) if id > 0 => Ok(NetworkId::new(id)),
        _ => bail!("no rollup has chain id {chain_id}; ids are between 1 and {}", u32::MAX),
    }
}

/// Reads JSON from `path`, or from standard input for `-`; `hint` says what to do where nothing is.
pub(super) fn read(path: &str, hint: &str) -> Result<Value> {
    let text = read_text(path, "JSON")?;
    ensure!(!text.trim().is_empty(), "{} is empty: {hint}", name(path));
    serde_json::from_str(&text).wrap_err_with(|| format!("{} is not JSON", name(path)))
}

/// Reads text from `path`, or from standard input for `-`, where a terminal is told `what` it waits for.
pub(in crate::commands) fn read_text(path: &str, what: &str) -> Result<String> {
    if path != "-" {
        return fs::read_to_string(path).wrap_err_with(|| format!("cannot read {path}"));
    }
    if stdin().is_terminal() {
        eprintln!("reading {what} from standard input");
    }
    let mut text = String::new();
    stdin().read_to_string(&mut text).wrap_err("cannot read standard input")?;
    Ok(text)
}

/// Returns how errors call the file at `path`.
pub(super) fn name(path: &str) -> &str {
    if path == "-" { "standard input" } else { path }
}

/// Prints `value` as indented JSON.
pub(super) fn print(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    writeln!(stdout(), "{text}").wrap_err("cannot write to standard output")
}

/// Reads a number, or the hex string that JSON-RPC makes of one.
pub(super) fn number<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(input)?;
    let parsed = match &value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        },
        _ => None,
    };
    parsed.ok_or_else(|| D::Error::custom(format!("{value} is not a chain id")))
}

/// Reads wei, or an amount with a unit.
fn wei<'de, D: Deserializer<'de>>(input: D) -> Result<U256, D::Error> {
    match Value::deserialize(input)? {
        Value::Number(number) => parse_wei(&number.to_string()).map_err(D::Error::custom),
        Value::String(text) => parse_wei(&text).map_err(D::Error::custom),
        other => Err(D::Error::custom(format!("{other} is not an amount"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        let from = Address::repeat_byte(1);
        let leg = DraftLeg { chain_id: 901, from, to: Some(from), ..DraftLeg::default() };
        let creation = DraftLeg { to: None, data: vec![0xfe].into(), ..leg };
        Draft { legs: vec![leg, creation], ..Draft::default() }
    }

    #[test]
    fn build_marks_a_call_by_suffix_and_a_creation_by_access_list() {
        let bundle = draft().build(true).unwrap();
        assert!(bundle.legs[0].data.ends_with(&bundle.id.suffix()));
        assert_eq!(bundle.legs[1].data.as_ref(), [0xfe]);
        assert_eq!(bundle.legs[1].access_list, Some(marker_list(bundle.id)));
        bundle.check().unwrap();
    }

    #[test]
    fn identity_does_not_depend_on_the_marker() {
        let (marked, unmarked) = (draft().build(true).unwrap(), draft().build(false).unwrap());
        assert_eq!(marked.id, unmarked.id);
        assert!(!unmarked.protected && unmarked.marker.is_none());
        unmarked.check().unwrap();
    }

    #[test]
    fn check_refuses_an_edited_bundle() {
        let mut bundle = draft().build(true).unwrap();
        bundle.legs[0].value = U256::from(1);
        assert!(bundle.check().unwrap_err().to_string().contains("build it again"));
        let mut bundle = draft().build(true).unwrap();
        bundle.protected = false;
        assert!(bundle.check().unwrap_err().to_string().contains("protected: false"));
    }

    #[test]
    fn networks_are_within_the_protocol() {
        assert!(network(901).is_ok());
        assert!(network(0).is_err() && network(1 << 32).is_err());
    }
}
