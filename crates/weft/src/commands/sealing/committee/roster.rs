//! Who is who in a committee, and what its members sign.

use super::super::file::Document;
use alloy_primitives::{Address, B256, Bytes, FixedBytes};
use clap::Args;
use eyre::{Result, WrapErr, bail, ensure, eyre};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use weft_crypto::{KeyList, MemberId, Secret, Setup, Share, ShareContext};
use weft_types::{Domain, Signature};

/// The committee.
#[derive(Debug, Args)]
pub(super) struct RosterArgs {
    /// JSON with the address of each member
    #[arg(long, value_name = "FILE")]
    committee: PathBuf,
}

/// Addresses by number of member.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Roster {
    pub(super) members: BTreeMap<MemberId, Address>,
}

impl RosterArgs {
    /// Reads the committee.
    pub(super) fn read(&self) -> Result<Roster> {
        Ok(Roster { members: read_roster(&self.committee)? })
    }
}

/// Reads the keys of a committee, by number of member.
pub(crate) fn read_roster(path: &Path) -> Result<BTreeMap<MemberId, Address>> {
    let name = path.display();
    let text = fs::read_to_string(path).wrap_err_with(|| format!("cannot read {name}"))?;
    let roster: Roster = serde_json::from_str(&text).wrap_err_with(|| {
        format!("{name} is no committee: {{\"members\": {{\"1\": \"0x..\"}}}}")
    })?;
    Ok(roster.members)
}

impl Roster {
    /// Checks that a member signed a digest.
    fn check(&self, name: &str, member: MemberId, digest: B256, found: &Signature) -> Result<()> {
        let address = self.members.get(&member);
        let address =
            address.ok_or_else(|| eyre!("{name}: the committee has no member {member}"))?;
        let signer = found.signer(digest);
        ensure!(
            signer == Some(*address),
            "{name} is refused: its signature is not that of member {member}, {address}"
        );
        Ok(())
    }
}

/// Writes what a member announces.
pub(super) fn announcement_json(
    setup: &Setup,
    context: &ShareContext,
    share: &Share,
    signature: &Signature,
) -> Value {
    json!({
        "kind": "announcement",
        "setup": setup.id(),
        "domain": context.domain,
        "epoch": context.epoch,
        "member": context.member,
        "point": Bytes::copy_from_slice(&share.point().to_bytes()),
        "signature": signature,
        "encoding": Bytes::from(share.encode()),
    })
}

/// Reads what a member announced and signed; the share itself is checked when the list is made.
pub(super) fn read_announcement(
    path: &Path,
    setup: &Setup,
    domain: &Domain,
    epoch: u64,
    roster: &Roster,
) -> Result<(MemberId, Share)> {
    let document = Document::of_kind(path, "announcement")?;
    let name = document.name();
    let made_for: B256 = document.field("setup")?;
    ensure!(made_for == setup.id(), "{name} is for setup {made_for}, not {}", setup.id());
    let found: u64 = document.field("epoch")?;
    ensure!(found == epoch, "{name} is for epoch {found}, not {epoch}");
    let realm: Domain = document.field("domain")?;
    ensure!(realm == *domain, "{name} is for another realm");
    let member = document.field("member")?;
    let share = Share::decode(setup, &document.bytes("encoding")?)
        .wrap_err_with(|| format!("{name} is refused"))?;
    let signature: Signature = document.field("signature")?;
    let context = ShareContext { domain: *domain, epoch, member };
    document.says(&announcement_json(setup, &context, &share, &signature))?;
    roster.check(name, member, share.announcement_digest(setup, &context), &signature)?;
    Ok((member, share))
}

/// Writes what a member releases.
pub(super) fn release_json(
    list: &KeyList,
    member: MemberId,
    head: &B256,
    secret: &Secret,
    signature: &Signature,
) -> Value {
    json!({
        "kind": "release",
        "list": list.id(),
        "epoch": list.epoch(),
        "member": member,
        "closingHead": head,
        "secret": FixedBytes::new(secret.to_bytes()),
        "signature": signature,
    })
}

/// Reads what a member released and signed; whether the secret fits its share is told when all are collected.
pub(super) fn read_release(
    path: &Path,
    list: &KeyList,
    head: &B256,
    roster: &Roster,
) -> Result<(MemberId, Secret)> {
    let document = Document::of_kind(path, "release")?;
    let name = document.name();
    let made_for: B256 = document.field("list")?;
    ensure!(made_for == list.id(), "{name} is for key list {made_for}, not {}", list.id());
    let found: B256 = document.field("closingHead")?;
    ensure!(found == *head, "{name} is for closing head {found}, not {head}");
    let member = document.field("member")?;
    let number: FixedBytes<32> = document.field("secret")?;
    let Some(secret) = Secret::from_bytes(&number.0) else {
        bail!("{name} is refused: its secret is out of range")
    };
    let signature: Signature = document.field("signature")?;
    document.says(&release_json(list, member, head, &secret, &signature))?;
    roster.check(name, member, list.release_digest(member, head), &signature)?;
    Ok((member, secret))
}
