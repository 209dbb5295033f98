//! `weft seal`.

use super::{
    content, file,
    key::Key,
    parts,
    secret::{KeyArgs, entropy},
};
use crate::{amount::parse_wei, domain::parse_domain};
use alloy_primitives::{Address, B256, Bytes, eip191_hash_message};
use clap::Args;
use eyre::{Result, WrapErr, bail, ensure, eyre};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use weft_crypto::{
    Carriage, DelayScheme as _, Envelope, EpochKeyScheme, GasBucket, PuzzleScheme, SchemeId,
    SizeBucket,
};
use weft_promise::Signer as _;
use weft_types::{Decode as _, Domain, Encode as _, Item, NetworkId, Signature, SlotNumber};

/// Largest indices of buckets, past which there is none.
const INDICES: std::ops::RangeInclusive<u8> = 0..=10;

/// Hides a signed transaction or bundle until its order is fixed
#[derive(Debug, Args)]
#[command(
    override_usage = "\
weft seal --to <FILE> --valid-until <SLOT> --max-fee <AMOUNT> --key <KEY>
                 [OPTIONS] [FILE]",
    after_help = "\
Examples:
  weft seal --to epoch-7.json --valid-until 90 --max-fee 0.001ether \\
      --key payer.json --passphrase secret tx.hex > envelope.json
  weft bundle sign .. | weft seal --to epoch-7.json .. > envelope.json
  weft seal --to epoch-7.json --part leg.json --of bundle.json .. tx.hex

FILE is a signed transaction in hex, or the JSON of `weft bundle sign`; without
it, standard input. No network is needed. Sealed to a setup it has a puzzle of
its own, which costs as many squarings as a whole epoch does.

Everybody sees payer, buckets, fee and last slot. Nobody sees the rest until the
epoch is closed, if one member of its committee is honest and nobody squares
faster than was assumed.

The payer pays for the buckets, also when what is sealed turns out not to be
executable. Compare the name of the key, with --expect, with that of people whom
you trust: who chose the committee can read everything."
)]
pub(crate) struct Seal {
    /// Key list of an epoch, or a setup
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Name that the key list or setup must have
    #[arg(long, value_name = "ID")]
    expect: Option<B256>,
    #[command(flatten)]
    payer: KeyArgs,
    /// Last slot in which it may be ordered
    #[arg(long, value_name = "SLOT")]
    valid_until: u64,
    /// Most that both buckets may cost: 0.001ether
    #[arg(long, value_name = "AMOUNT")]
    max_fee: String,
    /// Gas to choose the bucket by, if not its own
    #[arg(long)]
    gas: Option<u64>,
    /// Bytes that the bucket has, if not the least
    #[arg(long, value_name = "BYTES")]
    size: Option<u64>,
    /// Rollup of the deposit; default: as in --to
    #[arg(long, value_name = "NETWORK")]
    deposit: Option<u32>,
    /// Leaves the target in clear
    #[arg(long, value_name = "NETWORK")]
    rollup: Option<u32>,
    /// Epoch, where a setup is sealed to
    #[arg(long)]
    epoch: Option<u64>,
    /// Realm, where a setup is sealed to
    #[arg(long, value_name = "L1:ADDRESS:REALM", value_parser = parse_domain)]
    domain: Option<Domain>,
    /// Leg of `weft bundle commit`, to seal a part
    #[arg(long, value_name = "FILE", requires = "of")]
    part: Option<PathBuf>,
    /// Bundle of `weft bundle agree`
    #[arg(long, value_name = "FILE", requires = "part")]
    of: Option<PathBuf>,
    /// Transaction in hex, or bundle as JSON
    #[arg(value_name = "FILE", default_value = "-")]
    file: String,
}

impl Seal {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let (key, home) = Key::read(&self.to)?;
        let name = self.to.display();
        if let Some(expected) = self.expect.filter(|expected| *expected != key.id()) {
            bail!("{name} is {}, not the expected {expected}", key.id());
        }
        let domain = self.domain(&key)?;
        let item = self.item(&key, &domain)?;
        let gas = self.gas.unwrap_or_else(|| content::gas(&item));
        let plaintext = item.encode();
        let mut payer = self.payer.open()?;
        let deposit = NetworkId::new(self.deposit.or(home).unwrap_or(0));
        let carriage = self.carriage(&key, payer.address(), deposit, plaintext.len(), gas)?;
        let entropy = B256::new(*entropy()?);
        let envelope = match &key {
            Key::List(key) => EpochKeyScheme::new(&key.1).encrypt(&carriage, &plaintext, &entropy),
            Key::Puzzle(setup) => {
                PuzzleScheme::new(domain, setup).encrypt(&carriage, &plaintext, &entropy)
            }
        }?;
        let signature = payer.sign(envelope.id(&domain))?;
        let squarings = key.setup().delay_squarings();
        eprintln!("sealed to {}; anybody can open it after {squarings} squarings", key.id());
        file::print(&envelope_json(&domain, &envelope, &signature))?;
        Ok(ExitCode::SUCCESS)
    }

    fn item(&self, key: &Key, domain: &Domain) -> Result<Item> {
        let item = content::read(&self.file, domain)?;
        let (Some(leg), Some(bundle)) = (&self.part, &self.of) else { return Ok(item) };
        let Item::Transaction(signed) = item else {
            bail!("a part is one signed transaction, in hex")
        };
        let part = parts::part(leg, bundle, domain, signed.tx.raw().clone())?;
        let Item::Part(made) = &part else { unreachable!("it is one") };
        let epoch = self.epoch(key)?;
        ensure!(
            made.epoch() == epoch,
            "{} can run in epoch {} alone, {} is for epoch {epoch}",
            bundle.display(),
            made.epoch(),
            self.to.display()
        );
        Ok(part)
    }

    fn domain(&self, key: &Key) -> Result<Domain> {
        let Key::List(key) = key else { return Ok(self.domain.unwrap_or_else(Domain::dev)) };
        let found = *key.1.domain();
        ensure!(
            self.domain.is_none_or(|domain| domain == found),
            "{} is refused: its keys are for another realm",
            self.to.display()
        );
        Ok(found)
    }

    fn carriage(
        &self,
        key: &Key,
        payer: Address,
        deposit: NetworkId,
        len: usize,
        gas: u64,
    ) -> Result<Carriage> {
        let max_fee_wei = parse_wei(&self.max_fee)?;
        Ok(Carriage {
            payer,
            deposit,
            rollup: self.rollup.map(NetworkId::new),
            epoch: self.epoch(key)?,
            valid_until: SlotNumber::new(self.valid_until),
            size: size_bucket(len, self.size.unwrap_or(0))?,
            gas: gas_bucket(gas)?,
            max_fee_wei: max_fee_wei.try_into().wrap_err("the fee is over 128 bits")?,
        })
    }

    fn epoch(&self, key: &Key) -> Result<u64> {
        match (key, self.epoch) {
            (Key::List(key), None) => Ok(key.1.epoch()),
            (Key::List(key), Some(epoch)) if epoch == key.1.epoch() => Ok(epoch),
            (Key::List(key), Some(epoch)) => {
                bail!("{} is for epoch {}, not {epoch}", self.to.display(), key.1.epoch())
            }
            (Key::Puzzle(_), epoch) => {
                epoch.ok_or_else(|| eyre!("a setup has no epoch: add --epoch"))
            }
        }
    }
}

fn size_bucket(len: usize, least: u64) -> Result<SizeBucket> {
    INDICES
        .filter_map(SizeBucket::new)
        .find(|bucket| bucket.capacity() >= len && bucket.bytes() as u64 >= least)
        .ok_or_else(|| {
            eyre!("no size bucket takes {len} bytes in {least}; the largest has 131,072")
        })
}

fn gas_bucket(gas: u64) -> Result<GasBucket> {
    let mut buckets = INDICES.filter_map(GasBucket::new);
    let found = buckets.find(|bucket| bucket.gas_limit() >= gas);
    found.ok_or_else(|| eyre!("no gas bucket takes {gas} gas; the largest has {}", 1 << 25))
}

/// Writes an envelope.
pub(super) fn envelope_json(domain: &Domain, envelope: &Envelope, signature: &Signature) -> Value {
    let Carriage { payer, deposit, rollup, epoch, valid_until, size, gas, max_fee_wei } =
        envelope.carriage;
    json!({
        "kind": "envelope",
        "id": envelope.id(domain),
        "domain": domain,
        "scheme": match envelope.scheme {
            SchemeId::EpochKey => "epochKey",
            SchemeId::Puzzle => "puzzle",
            SchemeId::Threshold => "threshold",
            SchemeId::Proven => "proven",
        },
        "key": envelope.key,
        "payer": payer,
        "deposit": deposit.get(),
        "rollup": rollup.map(NetworkId::get),
        "epoch": epoch,
        "validUntil": valid_until.get(),
        "sizeBytes": size.bytes(),
        "gasLimit": gas.gas_limit(),
        "maxFeeWei": max_fee_wei.to_string(),
        "signature": signature,
        "encoding": Bytes::from(envelope.encode()),
    })
}

/// Reads an envelope whose payer signed it, and its realm.
pub(super) fn read_envelope(path: &Path) -> Result<(Domain, Envelope)> {
    let document = file::Document::of_kind(path, "envelope")?;
    let domain: Domain = document.field("domain")?;
    let envelope = Envelope::decode(&document.bytes("encoding")?)
        .wrap_err_with(|| format!("{} is refused", document.name()))?;
    let signature: Signature = document.field("signature")?;
    document.says(&envelope_json(&domain, &envelope, &signature))?;
    let (payer, id) = (envelope.carriage.payer, envelope.id(&domain));
    // As it is, or as wallets sign 32 bytes.
    let digests = [id, eip191_hash_message(id)];
    ensure!(
        digests.into_iter().any(|digest| signature.signer(digest) == Some(payer)),
        "{} is refused: its signature is not that of {payer}",
        document.name()
    );
    Ok((domain, envelope))
}
